#pragma once

#include <cstdint>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// How far other cells fill the real manifold (Naeem et al. 2020): around each real cell lies a ball that
/// reaches to its k-th nearest real cell.
struct ManifoldOverlap {
    double coverage = 0;  ///< share of the balls that hold another cell
    double density = 0;   ///< balls that another cell lies in, on average, divided by k; 1 for equal samples
};
/// NaN where `real` has no more than k cells or `other` has none.
ManifoldOverlap manifold_overlap(const Points& real, const Points& other, std::int64_t k);

}  // namespace lapatlas
