#pragma once

#include <cstdint>
#include <span>

#include "dist/communicator.hpp"
#include "src/graph/block_search.hpp"
#include "src/graph/nearest_lists.hpp"

namespace lapatlas {

/// Collective. Throws InternalError on all ranks unless `points` are whole rows of p finite numbers.
void check_points(const Communicator& comm, std::span<const double> points, std::int64_t p);

/// Collective. Offers every base point of all ranks to every local query, except points with the query's own
/// id. Base points have their global rows as ids.
void search_all_ranks(const Communicator& comm, const SearchPoints& queries, std::span<const double> base,
                      std::int64_t p, NearestLists& lists, const BlockSearch& search = cpu_block_search());

}  // namespace lapatlas
