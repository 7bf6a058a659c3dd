#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "src/graph/nearest_lists.hpp"

namespace lapatlas {

/// The search for the nearest points of one block, wherever it computes. Exact everywhere.
class BlockSearch {
  public:
    virtual ~BlockSearch() = default;
    /// Rank-local. Offers the points of `block` [count, p], whose global rows are first_row, first_row + 1,
    /// ..., to the lists of all queries, except a point to the query with its own id. Calls `poll` now and
    /// then, so that messages advance.
    virtual void offer_block(const SearchPoints& queries, std::span<const double> block,
                             std::int64_t first_row, const std::function<void()>& poll,
                             NearestLists& lists) const = 0;
    /// How many times as many points as a CPU it compares all with all in bearable time, for k neighbours.
    virtual std::int64_t reach(std::int64_t k) const = 0;
};

/// On the CPU, by all OpenMP threads.
const BlockSearch& cpu_block_search();

}  // namespace lapatlas
