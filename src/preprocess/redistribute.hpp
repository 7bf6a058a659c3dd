#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// Collective. Row i of `values` [rows, width] becomes global row new_rows[i]; returns this rank's
/// block_of_rank of the `num_rows` new rows. new_rows of all ranks together are 0 .. num_rows - 1, each once.
template <class T>
std::vector<T> deal_rows(const Communicator& comm, std::span<const T> values, std::int64_t width,
                         std::span<const std::int64_t> new_rows, std::int64_t num_rows) {
    std::vector<int> owners;
    owners.reserve(new_rows.size());
    for (const std::int64_t row : new_rows) owners.push_back(rank_of_row(num_rows, comm.size(), row));
    const Outbox<std::int64_t> names =
        group_by_destination(new_rows, std::span<const int>(owners), comm.size());
    std::vector<std::int64_t> next(names.offsets.begin(), names.offsets.end() - 1);
    std::vector<T> packed(values.size());
    for (std::size_t i = 0; i < new_rows.size(); ++i) {
        const std::int64_t at = next[static_cast<std::size_t>(owners[i])]++;
        std::copy_n(values.data() + static_cast<std::int64_t>(i) * width, width, packed.data() + at * width);
    }
    std::vector<std::int64_t> value_offsets(names.offsets);
    for (std::int64_t& offset : value_offsets) offset *= width;
    const Received<std::int64_t> rows = all_to_all_v<std::int64_t>(comm, names.items, names.offsets);
    const Received<T> received = all_to_all_v<T>(comm, packed, value_offsets);
    const std::int64_t begin = block_of_rank(num_rows, comm.size(), comm.rank()).begin;
    std::vector<T> dealt(received.items.size());
    for (std::size_t i = 0; i < rows.items.size(); ++i)
        std::copy_n(received.items.data() + static_cast<std::int64_t>(i) * width, width,
                    dealt.data() + (rows.items[i] - begin) * width);
    return dealt;
}

/// Collective. The same for rows of counts, whose entries travel a few at a time.
PackedCounts deal_rows(const Communicator& comm, const PackedCounts& counts,
                       std::span<const std::int64_t> new_rows, std::int64_t num_rows);

/// Collective. New global rows that bring rows in the order of (key, present order): keys [local rows] in
/// [0, num_keys), the present order being by rank, then local. key_offsets gets [num_keys + 1].
std::vector<std::int64_t> rows_ordered_by_key(const Communicator& comm, std::span<const std::int32_t> keys,
                                              std::int64_t num_keys, std::vector<std::int64_t>& key_offsets);

}  // namespace lapatlas
