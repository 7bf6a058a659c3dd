#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Local inverse Simpson's index of each cell (Korsunsky et al. 2019): the effective number of classes among
/// its nearest cells, weighted by a Gaussian-like kernel of the given perplexity over 3 x perplexity
/// neighbours (itself left out; fewer where there are fewer cells). 1: only one class around; for two classes
/// of one size that are mixed at random a little below 2. Raw, not scaled. Of sample membership it is iLISI
/// (high is mixed), of cell types cLISI (low is pure). Empty for fewer than two cells.
std::vector<double> local_inverse_simpson(const Points& points, const std::vector<std::int32_t>& classes,
                                          double perplexity = 30);

}  // namespace lapatlas
