#include "src/preprocess/redistribute.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace lapatlas {

namespace {

/// What a round sends of all entries at once, at most; a longer row is a round of its own.
constexpr std::int64_t kEntriesARound = std::int64_t{1} << 23;

struct LargeCount {
    std::int64_t row;    ///< new and global
    std::int64_t place;  ///< in the row
    float value;
};

/// Rows [first, last) of `from`, on their way in one round.
struct Round {
    std::size_t first, last;
    Outbox<std::int64_t> rows;                ///< their new numbers, by destination
    std::vector<std::int64_t> entry_offsets;  // [ranks + 1]
};

Round next_round(const PackedCounts& from, std::span<const std::int64_t> new_rows,
                 std::span<const int> owners, int num_ranks, std::size_t first) {
    Round round{first, first, {}, std::vector<std::int64_t>(static_cast<std::size_t>(num_ranks) + 1, 0)};
    std::int64_t entries = 0;
    while (round.last < new_rows.size()) {
        const std::int64_t size = from.row_size(static_cast<std::int64_t>(round.last));
        if (round.last > first && entries + size > kEntriesARound) break;
        round.entry_offsets[static_cast<std::size_t>(owners[round.last]) + 1] += size;
        entries += size;
        ++round.last;
    }
    std::inclusive_scan(round.entry_offsets.begin(), round.entry_offsets.end(), round.entry_offsets.begin());
    const std::size_t count = round.last - first;
    round.rows =
        group_by_destination(new_rows.subspan(first, count), owners.subspan(first, count), num_ranks);
    return round;
}

/// Collective. Sends the round's rows of one array of entries and puts what arrives, rows `arrived` of this
/// rank's block, into its place.
template <class T>
void move_entries(const Communicator& comm, const Round& round, const std::vector<std::int64_t>& offsets,
                  std::span<const int> owners, const std::vector<T>& from,
                  std::span<const std::int64_t> arrived, const std::vector<std::int64_t>& new_offsets,
                  std::vector<T>& to) {
    std::vector<T> sent(static_cast<std::size_t>(round.entry_offsets.back()));
    std::vector<std::int64_t> next(round.entry_offsets.begin(), round.entry_offsets.end() - 1);
    for (std::size_t r = round.first; r < round.last; ++r) {
        std::int64_t& at = next[static_cast<std::size_t>(owners[r])];
        std::copy(from.begin() + offsets[r], from.begin() + offsets[r + 1], sent.begin() + at);
        at += offsets[r + 1] - offsets[r];
    }
    const std::vector<T> received = all_to_all_v<T>(comm, sent, round.entry_offsets).items;
    auto at = received.begin();
    for (const std::int64_t row : arrived) {
        const std::int64_t begin = new_offsets[static_cast<std::size_t>(row)],
                           size = new_offsets[static_cast<std::size_t>(row) + 1] - begin;
        std::copy_n(at, size, to.begin() + begin);
        at += size;
    }
}

}  // namespace

PackedCounts deal_rows(const Communicator& comm, const PackedCounts& counts,
                       std::span<const std::int64_t> new_rows, std::int64_t num_rows) {
    const BlockRange block = block_of_rank(num_rows, comm.size(), comm.rank());
    const PackedCounts::Arrays& from = counts.arrays();
    std::vector<std::int64_t> lengths;
    std::vector<int> owners;
    for (std::size_t r = 0; r < new_rows.size(); ++r) {
        lengths.push_back(counts.row_size(static_cast<std::int64_t>(r)));
        owners.push_back(rank_of_row(num_rows, comm.size(), new_rows[r]));
    }
    const std::vector<std::int64_t> dealt_lengths =
        deal_rows<std::int64_t>(comm, lengths, 1, new_rows, num_rows);
    PackedCounts::Arrays dealt;
    for (const std::int64_t length : dealt_lengths)
        dealt.row_offsets.push_back(dealt.row_offsets.back() + length);
    const auto entries = static_cast<std::size_t>(dealt.row_offsets.back());
    dealt.counts.resize(entries);
    (counts.has_short_genes() ? dealt.genes16.resize(entries) : dealt.genes32.resize(entries));

    std::size_t done = 0;
    while (all_reduce_max<std::int32_t>(comm, done < new_rows.size() ? 1 : 0) == 1) {
        const Round round = next_round(counts, new_rows, owners, comm.size(), done);
        std::vector<std::int64_t> arrived =
            all_to_all_v<std::int64_t>(comm, round.rows.items, round.rows.offsets).items;
        for (std::int64_t& row : arrived) row -= block.begin;
        const auto move = [&](const auto& source, auto& target) {
            move_entries(comm, round, from.row_offsets, owners, source, arrived, dealt.row_offsets, target);
        };
        if (counts.has_short_genes())
            move(from.genes16, dealt.genes16);
        else
            move(from.genes32, dealt.genes32);
        move(from.counts, dealt.counts);
        done = round.last;
    }

    std::vector<LargeCount> large;
    std::vector<int> large_owners;
    std::size_t row = 0;
    for (std::size_t i = 0; i < from.large_entries.size(); ++i) {
        while (from.row_offsets[row + 1] <= from.large_entries[i]) ++row;
        large.push_back({new_rows[row], from.large_entries[i] - from.row_offsets[row], from.large_values[i]});
        large_owners.push_back(owners[row]);
    }
    std::vector<LargeCount> received = send_to<LargeCount>(comm, large, large_owners).items;
    std::sort(received.begin(), received.end(), [](const LargeCount& a, const LargeCount& b) {
        return std::pair(a.row, a.place) < std::pair(b.row, b.place);
    });
    for (const LargeCount& count : received) {
        dealt.large_entries.push_back(dealt.row_offsets[static_cast<std::size_t>(count.row - block.begin)] +
                                      count.place);
        dealt.large_values.push_back(count.value);
    }
    return PackedCounts(counts.num_genes(), std::move(dealt));
}

std::vector<std::int64_t> rows_ordered_by_key(const Communicator& comm, std::span<const std::int32_t> keys,
                                              std::int64_t num_keys, std::vector<std::int64_t>& key_offsets) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(num_keys), 0);
    for (const std::int32_t key : keys) ++counts[static_cast<std::size_t>(key)];
    std::vector<std::int64_t> totals = counts;
    all_reduce_sum(comm, std::span<std::int64_t>(totals));
    key_offsets.assign(static_cast<std::size_t>(num_keys) + 1, 0);
    std::inclusive_scan(totals.begin(), totals.end(), key_offsets.begin() + 1);

    std::vector<std::int64_t> before(counts.size(), 0);
    check_mpi(
        MPI_Exscan(counts.data(), before.data(), mpi_count(num_keys), MPI_INT64_T, MPI_SUM, comm.handle()),
        "MPI_Exscan");
    if (comm.is_root()) std::fill(before.begin(), before.end(), 0);
    std::vector<std::int64_t> new_rows;
    new_rows.reserve(keys.size());
    for (const std::int32_t key : keys)
        new_rows.push_back(key_offsets[static_cast<std::size_t>(key)] +
                           before[static_cast<std::size_t>(key)]++);
    return new_rows;
}

}  // namespace lapatlas
