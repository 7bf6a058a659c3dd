#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/block_range.hpp"
#include "dist/communicator.hpp"

namespace lapatlas {

/// Points regrouped into inverted lists. A point's place is its position when all lists are laid end to end,
/// rows in ascending order within a list; places are dealt to the ranks by block_of_rank.
struct ListedPoints {
    std::int64_t p = 0;
    std::int64_t num_points = 0;             // of all ranks
    std::vector<double> centroids;           // [num_lists, p], equal on every rank
    std::vector<std::int64_t> list_offsets;  // [num_lists + 1], places of list l begin at list_offsets[l]
    BlockRange places;                       // this rank's
    std::vector<std::int64_t> rows;          // [places.size()], global row of each place
    std::vector<double> coordinates;         // [places.size(), p]

    std::int64_t num_lists() const { return static_cast<std::int64_t>(list_offsets.size()) - 1; }
};

/// Collective. Puts every point into the list of its nearest centroid and sends it to the owner of its place.
ListedPoints make_lists(const Communicator& comm, std::span<const double> points, std::int64_t p,
                        std::vector<double> centroids);

}  // namespace lapatlas
