#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>

#include "src/random/philox.hpp"

namespace lapatlas {

// Random tensors whose row i is a pure function of (seed, stream, ids[i], step): the same cell draws the same
// numbers on any number of ranks, in whatever row it sits.

/// Standard normals [ids.size(), width].
torch::Tensor placed_normals(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                             std::uint32_t step, std::int64_t width);

/// Uniform in (0, 1), [ids.size()].
torch::Tensor placed_uniforms(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                              std::uint32_t step);

/// Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate), [ids.size(), width]. Layers draw apart.
torch::Tensor placed_dropout(std::uint64_t seed, std::span<const std::int64_t> ids, std::uint32_t step,
                             std::uint32_t layer, std::int64_t width, double rate);

}  // namespace lapatlas
