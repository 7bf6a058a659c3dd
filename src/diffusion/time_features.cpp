#include "src/diffusion/time_features.hpp"

#include <torch/torch.h>

#include <cmath>

namespace lapatlas {

namespace {

// lambda spans about -5 .. 3: the slowest feature is monotone over it, the fastest tells steps of 0.1 apart.
constexpr double kSlowestFrequency = 0.1;
constexpr double kFastestFrequency = 10;

}  // namespace

torch::Tensor time_frequencies() {
    return torch::exp(
        torch::linspace(std::log(kSlowestFrequency), std::log(kFastestFrequency), kTimeFeatures / 2));
}

torch::Tensor time_features(const torch::Tensor& times, const torch::Tensor& frequencies) {
    const torch::Tensor log_snr = -0.5 * torch::log(torch::expm1(2 * times));
    const torch::Tensor phases = log_snr.unsqueeze(1) * frequencies.unsqueeze(0);
    return torch::cat({torch::sin(phases), torch::cos(phases)}, 1);
}

}  // namespace lapatlas
