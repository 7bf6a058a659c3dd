#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lapatlas {

/// Local regression of degree two with tricube weights (Cleveland & Devlin 1988), evaluated directly at
/// x[first] .. x[last - 1]. `x` ascends; each fit uses the floor(span n) points nearest in x, with
/// pseudo-inverse where their x do not determine a parabola. R's and skmisc's loess interpolate between
/// vertices of a k-d tree and so differ in the third digit.
std::vector<double> loess(std::span<const double> x, std::span<const double> y, double span,
                          std::int64_t first, std::int64_t last);

}  // namespace lapatlas
