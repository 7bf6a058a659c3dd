#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>

#include "src/backend/backend.hpp"

namespace lapatlas {

/// A draw from the normal distribution of each row's mean and standard deviation, both [rows, width].
torch::Tensor sample_normal(const Backend& backend, const torch::Tensor& mean, const torch::Tensor& deviation,
                            const CellDraws& draws, RandomStream stream);

/// Where the layers of each use begin among those that draw dropout.
enum class DropoutLayers : std::uint32_t {
    kDecoder = 0,
    kDecoderInGeneration = 8,
    kScoreNet = 16,
    kClassifier = 64,
    kEmbedding = 128
};

/// Dropout that a network draws for layer after layer; layers are counted from `first_layer`, so that
/// networks draw apart. Empty where `rate` is 0. Views the backend.
std::function<torch::Tensor(const torch::Tensor& x, std::uint32_t layer)> drawn_dropout(
    const Backend& backend, double rate, const CellDraws& draws, DropoutLayers first_layer);

}  // namespace lapatlas
