#pragma once

#include <algorithm>
#include <cstdint>

namespace lapatlas {

/// Half-open range of global rows [begin, end).
struct BlockRange {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t size() const { return end - begin; }
    bool contains(std::int64_t row) const { return row >= begin && row < end; }
};

/// The rows of rank `rank` when `num_rows` are dealt to `num_ranks` as evenly as can be, in order;
/// the first (num_rows mod num_ranks) ranks hold one more.
inline BlockRange block_of_rank(std::int64_t num_rows, int num_ranks, int rank) {
    const std::int64_t base = num_rows / num_ranks;
    const std::int64_t extra = num_rows % num_ranks;
    const std::int64_t begin = rank * base + std::min<std::int64_t>(rank, extra);
    return {begin, begin + base + (rank < extra ? 1 : 0)};
}

/// Inverse of block_of_rank: the rank that holds `row`.
inline int rank_of_row(std::int64_t num_rows, int num_ranks, std::int64_t row) {
    const std::int64_t base = num_rows / num_ranks;
    const std::int64_t extra = num_rows % num_ranks;
    const std::int64_t in_large = extra * (base + 1);
    if (row < in_large) return static_cast<int>(row / (base + 1));
    return static_cast<int>(extra + (row - in_large) / base);
}

}  // namespace lapatlas
