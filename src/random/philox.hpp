#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "dist/host_device.hpp"

namespace lapatlas {

/// What a random number is for: numbers of different streams never meet.
enum class RandomStream : std::uint32_t {
    kSplit = 1,
    kSimulate,
    kRangeFinder,
    kKmeans,
    kEigenStart,
    kEdgePerturbation,
    kClusterChoice,
    kMask,
    kSignFlip,
    kDropout,
    kLatentNoise,
    kDiffusionTime,
    kDiffusionNoise,
    kLabelDropout,
    kParameterInit,
    kScoreBatch,
    kGenerateLabel,
    kGenerateLibrary,
    kGenerateStart,
    kGenerateNoise,
    kCounts,
    kCountsTail,
    kEvaluate,
    kReferenceNoise,
    kLossCells,
    kGeneSample,
    kMixture,
    kLikelihoodStep,
    kPriorStep,
    kSetup,
    kClassifierBatch,
    kClassifierNoise,
    kClassifierValidation,
    kEmbeddingBatch,
    kExcessZeros,
    kScorerBatch,
    kCovariateDropout,
    kGenerateCovariates,
    kLocalEdits,
    kLocalEditKinds,
    kModeSigns,
};

/// Philox 4x32-10 (Salmon et al. 2011): four 32-bit words as a pure function of key and counter.
/// Checked against the published known-answer vectors in tests/src/random.
LAPATLAS_HOST_DEVICE inline std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                                    std::array<std::uint32_t, 2> key) {
    constexpr std::uint32_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u;
    constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{kMul0} * counter[0];
        const std::uint64_t p1 = std::uint64_t{kMul1} * counter[2];
        counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
                   static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(p0)};
        key[0] += kWeyl0;
        key[1] += kWeyl1;
    }
    return counter;
}

/// Uniform in (0, 1), never 0 or 1, from one 32-bit word: 24 bits, exact in float.
LAPATLAS_HOST_DEVICE inline float uniform_float(std::uint32_t word) {
    return (static_cast<float>(word >> 8) + 0.5f) * (1.0f / 16777216.0f);
}
/// Uniform in (0, 1), never 0 or 1, from two words: 53 bits.
LAPATLAS_HOST_DEVICE inline double uniform_double(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 11;
    return (static_cast<double>(bits) + 0.5) * (1.0 / 9007199254740992.0);
}

/// Random numbers that depend only on (seed, stream) and the place they are for: the same on any number of
/// ranks and threads, in any order. A place is (item, step, draw): item up to 2^64 (a global row), step and
/// draw up to 2^32. Each `draw` gives four words.
class PlacedRandom {
  public:
    LAPATLAS_HOST_DEVICE PlacedRandom(std::uint64_t seed, RandomStream stream)
        : key_{static_cast<std::uint32_t>(seed) ^ (static_cast<std::uint32_t>(stream) * 0x9E3779B1u),
               static_cast<std::uint32_t>(seed >> 32) + static_cast<std::uint32_t>(stream)} {}

    /// For vector code that makes many calls side by side (philox_lanes).
    LAPATLAS_HOST_DEVICE std::array<std::uint32_t, 2> key() const { return key_; }
    LAPATLAS_HOST_DEVICE std::array<std::uint32_t, 4> words(std::uint64_t item, std::uint32_t step = 0,
                                                            std::uint32_t draw = 0) const {
        return philox4x32(
            {draw, step, static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32)}, key_);
    }
    LAPATLAS_HOST_DEVICE double uniform(std::uint64_t item, std::uint32_t step = 0,
                                        std::uint32_t draw = 0) const {
        const auto w = words(item, step, draw);
        return uniform_double(w[0], w[1]);
    }
    /// Two independent standard normals (Box-Muller in double).
    LAPATLAS_HOST_DEVICE std::array<double, 2> normals(std::uint64_t item, std::uint32_t step = 0,
                                                       std::uint32_t draw = 0) const {
        const auto w = words(item, step, draw);
        const double radius = std::sqrt(-2.0 * std::log(uniform_double(w[0], w[1])));
        const double angle = 6.283185307179586476925 * uniform_double(w[2], w[3]);
        return {radius * std::cos(angle), radius * std::sin(angle)};
    }
    /// Fills out[0 .. count) with standard normals of (item, step).
    template <class T>
    void fill_normals(std::uint64_t item, std::uint32_t step, T* out, std::int64_t count) const {
        for (std::int64_t i = 0; i < count; i += 2) {
            const auto pair = normals(item, step, static_cast<std::uint32_t>(i / 2));
            out[i] = static_cast<T>(pair[0]);
            if (i + 1 < count) out[i + 1] = static_cast<T>(pair[1]);
        }
    }

  private:
    std::array<std::uint32_t, 2> key_;
};

}  // namespace lapatlas
