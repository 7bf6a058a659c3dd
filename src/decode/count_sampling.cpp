#include "src/decode/count_sampling.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "dist/error.hpp"
#include "src/decode/fast_math.hpp"
#include "src/random/philox.hpp"
#include "src/random/philox_lanes.hpp"

namespace lapatlas {

namespace {

/// Genes handled together: word j of Philox call (tile * kPhiloxLanes + lane) belongs to gene
/// tile * kTile + j * kPhiloxLanes + lane, so that words lie in memory as genes do.
constexpr int kTile = 4 * kPhiloxLanes;

/// From this mean the search starts at the mode: from 0 it would take about `mean` steps, and P(0)
/// underflows.
constexpr double kModeSearchMean = 32;

/// Terms below this are beyond what 53 random bits can reach: they end a search that rounding kept from its
/// end.
constexpr double kNegligible = 1e-22;

template <class T>
using Tile = std::array<T, kTile>;

/// 1 / k: multiplications leave a search several times shorter waits than divisions.
constexpr auto kReciprocals = [] {
    std::array<double, 64> reciprocals{};
    for (std::size_t k = 1; k < reciprocals.size(); ++k) reciprocals[k] = 1.0 / static_cast<double>(k);
    return reciprocals;
}();

/// Successive ratios of a count distribution: P(k + 1) = P(k) * up(k). Poisson is dispersion 0.
struct CountDistribution {
    double mean;
    double dispersion;
    double success;  // NB: mean / (dispersion + mean)

    CountDistribution(double m, double theta) : mean(m), dispersion(theta), success(m / (theta + m)) {}

    /// -log P(0).
    double zero_exponent() const {
        return dispersion > 0 ? dispersion * std::log1p(mean / dispersion) : mean;
    }
    double up(double k) const {
        return dispersion > 0 ? (k + dispersion) / (k + 1) * success : mean / (k + 1);
    }
    double mode() const {
        if (dispersion > 0) return dispersion > 1 ? std::floor(mean * (dispersion - 1) / dispersion) : 0;
        return std::floor(mean);
    }
    double log_probability(double k) const {
        if (!(dispersion > 0)) return k * std::log(mean) - mean - std::lgamma(k + 1);
        return std::lgamma(k + dispersion) - std::lgamma(dispersion) - std::lgamma(k + 1) - zero_exponent() +
               k * std::log(success);
    }
};

/// u < P(x > 0) gives the smallest k >= 1 whose P(1) + ... + P(k) exceeds P(x > 0) - u.
std::int64_t invert_from_zero(double u, const CountDistribution& distribution) {
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
    std::size_t k = 1;
    while (remaining >= probability &&
           (probability > kNegligible || static_cast<double>(k) < distribution.mean)) {
        remaining -= probability;
        const double ratio = base + slope * static_cast<double>(k);
        ++k;
        probability *= k < kReciprocals.size() ? ratio * kReciprocals[k] : ratio / static_cast<double>(k);
    }
    return static_cast<std::int64_t>(k);
}

/// Intervals of u in the order mode, mode + 1, mode - 1, mode + 2, ...
std::int64_t invert_from_mode(double u, const CountDistribution& distribution) {
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

/// Upper bounds on P(x > 0), at least 1 where the search starts at the mode (there u is laid out
/// differently).
void bound_positive(const Tile<float>& log_rates, const float* theta, Tile<float>& bounds) {
    // Far above the float errors of what is computed here, far below what would cost time.
    constexpr float kSlackFactor = 1.00001f;
    constexpr float kSlack = 2e-6f;
    Tile<float> exponents;
    for (int i = 0; i < kTile; ++i) bounds[i] = fast_exp(log_rates[i]);
    if (theta != nullptr) {
        for (int i = 0; i < kTile; ++i) exponents[i] = theta[i] * fast_log1p(bounds[i] / theta[i]);
    } else {
        exponents = bounds;
    }
    for (int i = 0; i < kTile; ++i) {
        const float from_zero = 1.0f - fast_exp(-exponents[i]) + kSlack;
        const float rate = bounds[i];
        const float smaller = from_zero < rate ? from_zero : rate;
        bounds[i] = (rate > 0.999f * static_cast<float>(kModeSearchMean) ? 1.0f : smaller) * kSlackFactor;
    }
}

[[noreturn]] void refuse(const CountKey& key, std::size_t gene, const char* what, float value) {
    throw InternalError("cell " + std::to_string(key.cell) + ", gene " + std::to_string(gene) + ": " + what +
                        " is " + std::to_string(value) +
                        ": the model has diverged; train it with a smaller learning rate");
}

}  // namespace

std::int64_t invert_count(double u, double mean, double dispersion) {
    const CountDistribution distribution(mean, dispersion);
    return mean < kModeSearchMean ? invert_from_zero(u, distribution) : invert_from_mode(u, distribution);
}

void sample_counts_row(std::span<const float> log_rates, float log_offset, std::span<const float> dispersions,
                       const CountKey& key, std::vector<std::int32_t>& genes, std::vector<float>& counts) {
    ensure(dispersions.empty() || dispersions.size() == log_rates.size(), "one dispersion a gene");
    const PlacedRandom words(key.seed, RandomStream::kCounts);
    const PlacedRandom tail_words(key.seed, RandomStream::kCountsTail);
    const auto item = static_cast<std::uint64_t>(key.cell);
    const bool dispersed = !dispersions.empty();

    Tile<float> rates, theta, bounds;
    Tile<std::uint8_t> candidate;
    for (std::size_t first = 0; first < log_rates.size(); first += kTile) {
        const std::size_t size = std::min<std::size_t>(kTile, log_rates.size() - first);
        if (size < kTile) {
            rates.fill(-std::numeric_limits<float>::infinity());
            theta.fill(1.0f);
        }
        std::copy_n(log_rates.data() + first, size, rates.data());
        if (dispersed) std::copy_n(dispersions.data() + first, size, theta.data());

        int bad = 0;
        for (int i = 0; i < kTile; ++i) {
            rates[i] += log_offset;
            bad |= static_cast<int>(!(rates[i] <= kLargestLogRate));
        }
        if (dispersed)
            for (int i = 0; i < kTile; ++i)
                bad |= static_cast<int>(!(theta[i] > 0.0f)) |
                       static_cast<int>(!(theta[i] <= std::numeric_limits<float>::max()));
        if (bad != 0) {
            for (std::size_t i = 0; i < size; ++i) {
                if (!(rates[i] <= kLargestLogRate)) refuse(key, first + i, "the log rate", rates[i]);
                if (dispersed && (!(theta[i] > 0) || std::isinf(theta[i])))
                    refuse(key, first + i, "the dispersion", theta[i]);
            }
        }

        bound_positive(rates, dispersed ? theta.data() : nullptr, bounds);
        const auto word = std::bit_cast<Tile<std::uint32_t>>(
            philox_lanes(words.key(), item, 0, static_cast<std::uint32_t>(first / kTile) * kPhiloxLanes));
        for (int i = 0; i < kTile; ++i) {
            // 24 bits, rounded down: never above the u that the tail word completes.
            const float u =
                static_cast<float>(static_cast<std::int32_t>(word[i] >> 8)) * (1.0f / 16777216.0f);
            candidate[i] = static_cast<std::uint8_t>(u <= bounds[i]);
        }

        for (std::size_t i = 0; i < size; ++i) {
            if (candidate[i] == 0) continue;
            const std::size_t gene = first + i;
            const std::uint32_t low = tail_words.words(item, 0, static_cast<std::uint32_t>(gene))[0];
            const double mean = std::exp(static_cast<double>(rates[i]));
            const std::int64_t count = invert_count(uniform_double(word[i], low), mean,
                                                    dispersed ? static_cast<double>(theta[i]) : 0.0);
            if (count == 0) continue;
            genes.push_back(static_cast<std::int32_t>(gene));
            counts.push_back(static_cast<float>(count));
        }
    }
}

double log_sum_exp(std::span<const float> values) {
    float largest = -std::numeric_limits<float>::infinity();
    for (const float value : values) largest = std::max(largest, value);
    std::array<double, kPhiloxLanes> sums{};
    std::array<float, kPhiloxLanes> terms;
    for (std::size_t first = 0; first < values.size(); first += kPhiloxLanes) {
        const std::size_t size = std::min<std::size_t>(kPhiloxLanes, values.size() - first);
        // fast_exp stops at e^-87, which vanishes beside the largest term, e^0.
        if (size < kPhiloxLanes) terms.fill(-std::numeric_limits<float>::infinity());
        std::copy_n(values.data() + first, size, terms.data());
        for (int i = 0; i < kPhiloxLanes; ++i) sums[i] += static_cast<double>(fast_exp(terms[i] - largest));
    }
    double sum = 0;
    for (const double part : sums) sum += part;
    return static_cast<double>(largest) + std::log(sum);
}

}  // namespace lapatlas
