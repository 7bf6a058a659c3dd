#pragma once

#include <torch/types.h>

#include <cstdint>

namespace lapatlas {

/// What networks are told of a time: sines and cosines of lambda = log(alpha / sigma).
inline constexpr std::int64_t kTimeFeatures = 64;

/// [kTimeFeatures / 2], radians a unit of lambda; a buffer of the network, so that it lies where that does.
torch::Tensor time_frequencies();
/// Times [m] > 0 -> [m, kTimeFeatures].
torch::Tensor time_features(const torch::Tensor& times, const torch::Tensor& frequencies);

}  // namespace lapatlas
