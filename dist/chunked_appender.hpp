#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"

namespace lapatlas {

/// Appends pieces of all ranks to a growable, filtered 1-D dataset so that every chunk is written exactly
/// once: a filtered chunk that is rewritten must be read, unpacked and moved, and two ranks may not touch the
/// same one. Each round the pieces are joined in rank order, whole chunks are dealt out to the ranks and
/// written collectively; the unfinished tail (less than a chunk) waits on the last rank. Memory: one round's
/// pieces and one chunk.
template <class T>
class ChunkedAppender {
  public:
    /// Rank-local. `dataset` exists in the file that append() will get, empty, with chunks of `chunk_rows`.
    ChunkedAppender(const Communicator& comm, std::string dataset, std::int64_t chunk_rows)
        : comm_(comm), dataset_(std::move(dataset)), chunk_rows_(chunk_rows) {}

    /// Collective. This round's items, in rank order behind everything appended before.
    void append(Hdf5File& file, std::span<const T> mine) {
        const auto sizes = all_gather(comm_, static_cast<std::int64_t>(mine.size()));
        const auto last = static_cast<std::size_t>(comm_.size()) - 1;
        const std::int64_t tail_size = num_items_ - num_written_;
        std::int64_t total = tail_size, my_begin = tail_size;
        for (std::size_t r = 0; r <= last; ++r) {
            if (static_cast<int>(r) < comm_.rank()) my_begin += sizes[r];
            total += sizes[r];
        }
        num_items_ = num_written_ + total;
        const std::int64_t num_chunks = total / chunk_rows_;
        // Positions count from the first item of the tail. The last rank gets its chunks and, behind them,
        // the new tail.
        const auto slice_of = [&](int rank) {
            const BlockRange chunks = block_of_rank(num_chunks, comm_.size(), rank);
            return BlockRange{chunks.begin * chunk_rows_,
                              rank == comm_.size() - 1 ? total : chunks.end * chunk_rows_};
        };
        const std::vector<T> old_tail = exchange(std::span<const T>(tail_), 0, slice_of);
        const std::vector<T> fresh = exchange(mine, my_begin, slice_of);
        std::vector<T> joined = old_tail;
        joined.insert(joined.end(), fresh.begin(), fresh.end());

        const BlockRange my_slice = slice_of(comm_.rank());
        const std::int64_t whole =
            comm_.rank() == comm_.size() - 1 ? num_chunks * chunk_rows_ - my_slice.begin : my_slice.size();
        tail_.assign(joined.begin() + whole, joined.end());
        write(file, num_written_ + my_slice.begin,
              std::span<const T>(joined.data(), static_cast<std::size_t>(whole)),
              num_written_ + num_chunks * chunk_rows_);
    }

    /// Collective. Writes the tail; the dataset then holds exactly the items appended.
    void finish(Hdf5File& file) {
        write(file, num_written_, std::span<const T>(tail_), num_items_);
        tail_.clear();
    }

    std::int64_t num_items() const { return num_items_; }

  private:
    /// Sends items at positions [begin, begin + size) to the ranks whose slices they fall into.
    template <class SliceOf>
    std::vector<T> exchange(std::span<const T> items, std::int64_t begin, const SliceOf& slice_of) const {
        const auto end = begin + static_cast<std::int64_t>(items.size());
        std::vector<std::int64_t> offsets{0};
        for (int rank = 0; rank < comm_.size(); ++rank)
            offsets.push_back(std::max(offsets.back(), std::min(end, slice_of(rank).end) - begin));
        return all_to_all_v<T>(comm_, items, offsets).items;
    }

    void write(Hdf5File& file, std::int64_t first, std::span<const T> items, std::int64_t new_size) {
        if (new_size == num_written_) return;
        agreed(comm_, [&] { file.resize(dataset_, new_size); });
        agreed(comm_, [&] { file.write_rows<T>(dataset_, first, items); });
        num_written_ = new_size;
    }

    Communicator comm_;
    std::string dataset_;
    std::int64_t chunk_rows_;
    std::int64_t num_items_ = 0;    // appended
    std::int64_t num_written_ = 0;  // in the file
    std::vector<T> tail_;           // on the last rank
};

}  // namespace lapatlas
