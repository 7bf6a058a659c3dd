#include "src/train/optimiser.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lapatlas {

Optimiser::Optimiser(std::vector<torch::Tensor> parameters, double weight_decay)
    : parameters_(std::move(parameters)), weight_decay_(weight_decay) {
    for (const torch::Tensor& parameter : parameters_) {
        first_moments_.push_back(torch::zeros_like(parameter.detach()));
        second_moments_.push_back(torch::zeros_like(parameter.detach()));
        step_counts_.push_back(torch::zeros({}, torch::TensorOptions(parameter.device())));
    }
}

void Optimiser::step(double learning_rate) {
    const torch::NoGradGuard no_grad;
    for (const bool decays : {true, false}) {
        std::vector<torch::Tensor> weights, gradients, first, second, steps;
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            if ((parameters_[i].dim() > 1) != decays) continue;
            weights.push_back(parameters_[i]);
            gradients.push_back(parameters_[i].grad());
            first.push_back(first_moments_[i]);
            second.push_back(second_moments_[i]);
            steps.push_back(step_counts_[i]);
        }
        if (weights.empty()) continue;
        // The kernel takes the count that includes the step being made.
        at::_foreach_add_(steps, 1);
        at::_fused_adamw_(weights, gradients, first, second, {}, steps, learning_rate, 0.9, 0.999,
                          decays ? weight_decay_ : 0.0, 1e-8, false, false);
    }
}

std::int64_t Optimiser::steps_done() const {
    return step_counts_.empty() ? 0 : static_cast<std::int64_t>(step_counts_[0].item<float>());
}

void Optimiser::set_steps_done(std::int64_t steps) {
    for (torch::Tensor& count : step_counts_) count.fill_(static_cast<float>(steps));
}

std::vector<std::int64_t> sizes_of_gradients(const Optimiser& optimiser) {
    std::vector<std::int64_t> sizes;
    for (const torch::Tensor& parameter : optimiser.parameters()) sizes.push_back(parameter.numel());
    return sizes;
}

double learning_rate_factor(std::int64_t step, std::int64_t num_steps, double warmup) {
    const double warm_steps = warmup * static_cast<double>(num_steps);
    const auto at = static_cast<double>(step);
    if (at < warm_steps) return (at + 1) / (warm_steps + 1);
    const double share = (at - warm_steps) / std::max(1.0, static_cast<double>(num_steps) - warm_steps);
    return 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, share)));
}

double clip_gradients(const std::vector<torch::Tensor>& parameters, double largest) {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& parameter : parameters) gradients.push_back(parameter.grad());
    // Read at once: where a device computes, every reading waits for it.
    const auto norm = torch::stack(at::_foreach_norm(gradients)).to(torch::kFloat64).norm().item<double>();
    if (norm > largest && std::isfinite(norm)) at::_foreach_mul_(gradients, largest / norm);
    return norm;
}

MovingAverage::MovingAverage(std::vector<torch::Tensor> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
    for (const torch::Tensor& parameter : parameters_) averages_.push_back(parameter.detach().clone());
}

void MovingAverage::update() {
    const torch::NoGradGuard no_grad;
    ++updates_;
    const double decay =
        std::min(decay_, (1.0 + static_cast<double>(updates_)) / (10.0 + static_cast<double>(updates_)));
    at::_foreach_lerp_(averages_, parameters_, 1 - decay);
}

}  // namespace lapatlas
