#pragma once

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Biased squared maximum mean discrepancy of two samples under the sum of Gaussian kernels exp(-d^2 / (2
/// s^2)), s in {0.01, 0.1, 1, 10, 100} (the kernels of LapDDPM's published tables).
double mmd2_published(const Points& real, const Points& other);

/// The same under exp(-d^2 / (f m)), f in {1/4, 1/2, 1, 2, 4}, with m the median squared distance between two
/// cells of `real`, so that a figure and its floor see the same kernels. NaN when `real` holds fewer than two
/// distinct cells.
double mmd2_median(const Points& real, const Points& other);

}  // namespace lapatlas
