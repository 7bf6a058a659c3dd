#pragma once

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// 2-Wasserstein distance of two samples with uniform weights: the square root of the exact optimal transport
/// cost under squared Euclidean distance (network simplex). The samples may differ in size. Neither may be
/// empty.
double wasserstein2(const Points& left, const Points& right);

}  // namespace lapatlas
