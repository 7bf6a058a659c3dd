#pragma once

#include <cmath>
#include <cstdint>

#include "dist/host_device.hpp"
#include "src/decode/fast_math.hpp"

namespace lapatlas {

/// Largest natural log of a rate that is drawn from; counts near e^16 = 8.9e6 are still exact in float32.
inline constexpr float kLargestLogRate = 16.0f;

/// From this mean the search starts at the mode: from 0 it would take about `mean` steps, and P(0)
/// underflows.
inline constexpr double kModeSearchMean = 32;

/// Terms below this are beyond what 53 random bits can reach: they end a search that rounding kept from its
/// end.
inline constexpr double kNegligible = 1e-22;

/// Successive ratios of a count distribution: P(k + 1) = P(k) * up(k). Poisson is dispersion 0.
struct CountDistribution {
    double mean;
    double dispersion;
    double success;  // NB: mean / (dispersion + mean)

    LAPATLAS_HOST_DEVICE CountDistribution(double m, double theta)
        : mean(m), dispersion(theta), success(m / (theta + m)) {}

    /// -log P(0).
    LAPATLAS_HOST_DEVICE double zero_exponent() const {
        return dispersion > 0 ? dispersion * std::log1p(mean / dispersion) : mean;
    }
    LAPATLAS_HOST_DEVICE double up(double k) const {
        return dispersion > 0 ? (k + dispersion) / (k + 1) * success : mean / (k + 1);
    }
    LAPATLAS_HOST_DEVICE double mode() const {
        if (dispersion > 0) return dispersion > 1 ? std::floor(mean * (dispersion - 1) / dispersion) : 0;
        return std::floor(mean);
    }
    LAPATLAS_HOST_DEVICE double log_probability(double k) const {
        if (!(dispersion > 0)) return k * std::log(mean) - mean - std::lgamma(k + 1);
        return std::lgamma(k + dispersion) - std::lgamma(dispersion) - std::lgamma(k + 1) - zero_exponent() +
               k * std::log(success);
    }
};

/// x / k for whole k > 0.
LAPATLAS_HOST_DEVICE inline double divided(double x, std::int64_t k) {
    // Up to 63 by a product: a search waits several times shorter for it than for a division, on the CPU.
#ifdef __CUDA_ARCH__
    return k < 64 ? x * (1.0 / static_cast<double>(k)) : x / static_cast<double>(k);
#else
    constexpr int kReciprocals = 64;
    struct Table {
        double values[kReciprocals]{};
        constexpr Table() {
            for (int i = 1; i < kReciprocals; ++i) values[i] = 1.0 / i;
        }
    };
    static constexpr Table reciprocals;
    return k < kReciprocals ? x * reciprocals.values[k] : x / static_cast<double>(k);
#endif
}

/// u < P(x > 0) gives the smallest k >= 1 whose P(1) + ... + P(k) exceeds P(x > 0) - u.
LAPATLAS_HOST_DEVICE inline std::int64_t invert_from_zero(double u, const CountDistribution& distribution) {
    const double exponent = distribution.zero_exponent();
    const double zero = std::exp(-exponent);
    const double positive = exponent < 0.5 ? -std::expm1(-exponent) : 1 - zero;
    if (!(u < positive)) return 0;
    // P(k + 1) = P(k) (base + slope k) / (k + 1) for both distributions.
    const bool dispersed = distribution.dispersion > 0;
    const double slope = dispersed ? distribution.success : 0;
    const double base = dispersed ? distribution.dispersion * distribution.success : distribution.mean;
    double probability = zero * base;
    double remaining = positive - u;
    std::int64_t k = 1;
    while (remaining >= probability &&
           (probability > kNegligible || static_cast<double>(k) < distribution.mean)) {
        remaining -= probability;
        const double ratio = base + slope * static_cast<double>(k);
        ++k;
        probability *= divided(ratio, k);
    }
    return k;
}

/// Intervals of u in the order mode, mode + 1, mode - 1, mode + 2, ...
LAPATLAS_HOST_DEVICE inline std::int64_t invert_from_mode(double u, const CountDistribution& distribution) {
    const double mode = distribution.mode();
    const double peak = std::exp(distribution.log_probability(mode));
    double remaining = u - peak;
    if (remaining < 0) return static_cast<std::int64_t>(mode);
    double above = mode, below = mode;
    double above_probability = peak, below_probability = peak;
    while (above_probability > kNegligible || below_probability > kNegligible) {
        above_probability *= distribution.up(above);
        above += 1;
        remaining -= above_probability;
        if (remaining < 0) return static_cast<std::int64_t>(above);
        if (below > 0) {
            below -= 1;
            below_probability /= distribution.up(below);
            remaining -= below_probability;
            if (remaining < 0) return static_cast<std::int64_t>(below);
        } else {
            below_probability = 0;
        }
    }
    // The rounding of the peak left about 1e-12 of u without an interval.
    return static_cast<std::int64_t>(mode);
}

/// The inversion behind every draw, for u in (0, 1): Poisson with this mean, or negative binomial where
/// `dispersion` > 0. Small u give large counts below a mean of 32 (so that rare counts get the resolution of
/// u near 0); above it intervals of u are laid out from the mode outwards.
LAPATLAS_HOST_DEVICE inline std::int64_t invert_count(double u, double mean, double dispersion) {
    const CountDistribution distribution(mean, dispersion);
    return mean < kModeSearchMean ? invert_from_zero(u, distribution) : invert_from_mode(u, distribution);
}

/// -log P(0) in floats of the negative binomial; that of Poisson is the rate.
LAPATLAS_HOST_DEVICE inline float zero_exponent(float rate, float theta) {
    return theta * fast_log1p(rate / theta);
}

/// An upper bound on P(x > 0) in floats, `exponent` being -log P(0); at least 1 where the search starts at
/// the mode (there u is laid out differently).
LAPATLAS_HOST_DEVICE inline float positive_bound(float rate, float exponent) {
    // Far above the float errors of what is computed here, far below what would cost time.
    constexpr float kSlackFactor = 1.00001f;
    constexpr float kSlack = 2e-6f;
    const float from_zero = 1.0f - fast_exp(-exponent) + kSlack;
    const float smaller = from_zero < rate ? from_zero : rate;
    return (rate > 0.999f * static_cast<float>(kModeSearchMean) ? 1.0f : smaller) * kSlackFactor;
}

}  // namespace lapatlas
