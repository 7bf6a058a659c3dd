#include "src/decode/count_sampling.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "dist/error.hpp"
#include "dist/vector_clones.hpp"
#include "src/decode/count_inversion.hpp"
#include "src/decode/fast_math.hpp"
#include "src/random/philox.hpp"
#include "src/random/philox_lanes.hpp"

namespace lapatlas {

namespace {

/// Genes handled together: word j of Philox call (tile * kPhiloxLanes + lane) belongs to gene
/// tile * kTile + j * kPhiloxLanes + lane, so that words lie in memory as genes do.
constexpr int kTile = 4 * kPhiloxLanes;

template <class T>
using Tile = std::array<T, kTile>;

/// positive_bound of a tile, in loops that compilers vectorise one by one. theta null: Poisson.
LAPATLAS_INLINE void bound_positive(const Tile<float>& log_rates, const float* theta, Tile<float>& bounds) {
    Tile<float> exponents;
    for (int i = 0; i < kTile; ++i) bounds[i] = fast_exp(log_rates[i]);
    if (theta != nullptr) {
        for (int i = 0; i < kTile; ++i) exponents[i] = zero_exponent(bounds[i], theta[i]);
    } else {
        exponents = bounds;
    }
    for (int i = 0; i < kTile; ++i) bounds[i] = positive_bound(bounds[i], exponents[i]);
}

[[noreturn]] void refuse(const CountKey& key, std::size_t gene, const char* what, float value) {
    throw InternalError("cell " + std::to_string(key.cell) + ", gene " + std::to_string(gene) + ": " + what +
                        " is " + std::to_string(value) +
                        ": the model has diverged; train it with a smaller learning rate");
}

}  // namespace

LAPATLAS_WIDEST_VECTORS
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

LAPATLAS_WIDEST_VECTORS
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
