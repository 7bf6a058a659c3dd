#pragma once

#include <string>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// 2-Wasserstein distance of two samples with uniform weights: the square root of the exact optimal transport
/// cost under squared Euclidean distance (network simplex). The samples may differ in size. Neither may be
/// empty.
double wasserstein2(const Points& left, const Points& right);

/// Of LEMON, whose network simplex it is.
std::string optimal_transport_version();

}  // namespace lapatlas
