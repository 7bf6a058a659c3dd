#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "src/random/philox.hpp"

namespace lapatlas {

// Random tensors whose row i is a pure function of (seed, stream, ids[i], step): the same cell draws the same
// numbers on any number of ranks, in whatever row it sits.

/// Standard normals [ids.size(), width].
torch::Tensor placed_normals(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                             std::uint32_t step, std::int64_t width);

/// A draw from the normal distribution of each row's mean and standard deviation, both [ids.size(), width].
torch::Tensor placed_sample(const torch::Tensor& mean, const torch::Tensor& deviation, std::uint64_t seed,
                            RandomStream stream, std::span<const std::int64_t> ids, std::uint32_t step);

/// Uniform in (0, 1), [ids.size()].
torch::Tensor placed_uniforms(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                              std::uint32_t step);

/// Where the layers of each use begin among those that draw dropout.
enum class DropoutLayers : std::uint32_t { kDecoder = 0, kDecoderInGeneration = 8, kScoreNet = 16 };

/// Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate), [ids.size(), width]. Layers draw apart.
torch::Tensor placed_dropout(std::uint64_t seed, std::span<const std::int64_t> ids, std::uint32_t step,
                             std::uint32_t layer, std::int64_t width, double rate);

/// Dropout that a network draws for layer after layer, of the cells `ids` in `step`; layers are counted from
/// `first_layer`, so that networks draw apart. Empty where `rate` is 0.
std::function<torch::Tensor(const torch::Tensor& x, std::uint32_t layer)> drawn_dropout(
    double rate, std::vector<std::int64_t> ids, std::uint64_t seed, std::uint32_t step,
    DropoutLayers first_layer);

}  // namespace lapatlas
