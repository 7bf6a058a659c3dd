#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lapatlas {

/// Genes whose counts of zero stand for those of all genes in one step.
struct GeneSample {
    std::vector<std::int32_t> genes;  ///< ascending
    std::vector<float> weights;       ///< 1 / the chance that a gene is drawn
};

/// Draws such genes so that a weighted sum over them is on average the sum over all (Horvitz & Thompson
/// 1952). A gene's chance grows with the root of its mean expression, up to 1: proportional to the mean, a
/// sum of rates would vary least, but weights of rare genes would be moved by few and large steps.
class GeneSampler {
  public:
    /// `profile` [genes] mean expression, of any scale; `size` genes are drawn each time, or one more or
    /// less.
    GeneSampler(std::span<const float> profile, std::int64_t size);
    /// A pure function of (seed, step): systematic sampling with a random start (Madow 1949), so that rare
    /// genes are neither many nor few in a draw.
    GeneSample draw(std::uint64_t seed, std::uint32_t step) const;

  private:
    std::vector<double> chances_;  // [genes]
};

}  // namespace lapatlas
