#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/decode/count_inversion.hpp"

namespace lapatlas {

/// Whose counts are drawn: a row is a pure function of this and of its rates.
struct CountKey {
    std::uint64_t seed = 0;
    std::int64_t cell = 0;  ///< global index
};

/// Draws the counts of one cell (LapDDPM algorithm 2, line 8; also negative binomial) and appends the
/// positive ones, genes ascending: x_g ~ Poisson(m_g), or NB with mean m_g and variance m_g + m_g^2 / theta_g
/// where `dispersions` (theta, [G] > 0) is not empty; m_g = exp(log_rates[g] + log_offset), natural logs,
/// [G]. -infinity is rate 0.
///
/// Every draw is an inversion of the exact distribution in double, by 53 random bits. One 32-bit Philox word
/// a (cell, gene) decides most zeros in vector code, against a float bound on P(x > 0) that errs only
/// upwards; where it does not, a second word extends it and the count is found in double. So no result
/// depends on the width of vectors or on the row's place among others.
///
/// Errors: InternalError naming cell and gene if a log rate is NaN or above kLargestLogRate (a model that has
/// diverged), or if a dispersion is not positive and finite. Rank-local.
void sample_counts_row(std::span<const float> log_rates, float log_offset, std::span<const float> dispersions,
                       const CountKey& key, std::vector<std::int32_t>& genes, std::vector<float>& counts);

/// log(sum_g exp(values[g])) in a summation order that depends on the number of values alone. Not empty, no
/// NaN.
double log_sum_exp(std::span<const float> values);

}  // namespace lapatlas
