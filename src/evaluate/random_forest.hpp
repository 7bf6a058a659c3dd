#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Random forest probabilities of class 1 for each row of `queries`, trained on `cells` with 0/1 `classes`:
/// bootstrap samples, sqrt(num_components) candidate features a split, at most `max_depth` splits deep, leaf
/// frequencies averaged over `num_trees`. The same seed gives the same forest.
std::vector<double> forest_probabilities(const Points& cells, const std::vector<int>& classes,
                                         const Points& queries, std::int64_t num_trees, int max_depth,
                                         std::uint32_t seed);

/// Of OpenCV, whose random trees they are.
std::string random_forest_version();

}  // namespace lapatlas
