#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

// How well a grouping of cells agrees with their labels, or fits their places. One entry a cell each; NaN
// where a figure is not defined (no cells; for the silhouette: fewer than two groups).

/// Adjusted Rand index (Hubert & Arabie 1985).
double adjusted_rand_index(const std::vector<std::int32_t>& left, const std::vector<std::int32_t>& right);

/// Mutual information over the arithmetic mean of the entropies (the V-measure is the same number).
double normalised_mutual_information(const std::vector<std::int32_t>& left,
                                     const std::vector<std::int32_t>& right);

/// Mutual information over the entropy of `labels`: whether groups hold cells of one label each (Rosenberg &
/// Hirschberg 2007); 1 where there is one label alone.
double homogeneity(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& groups);

/// Mean silhouette with cosine distances; a cell alone in its group counts 0.
double cosine_silhouette(const Points& points, const std::vector<std::int32_t>& groups);

}  // namespace lapatlas
