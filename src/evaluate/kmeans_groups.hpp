#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Rank-local. The group of each cell by k-means (OpenCV: Lloyd's algorithm, started by k-means++, the best
/// of 10 starts by its sum of squares); a pure function of its arguments. `groups` is lowered to the number
/// of cells.
std::vector<std::int32_t> kmeans_groups(const Points& cells, std::int64_t groups, std::uint64_t seed);

}  // namespace lapatlas
