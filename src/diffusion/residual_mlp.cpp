#include "src/diffusion/residual_mlp.hpp"

#include <torch/torch.h>

#include <cmath>

namespace lapatlas {

namespace {

constexpr std::int64_t kTimeFeatures = 16;
// Times lie in (0, 1]: the slowest sinusoid is monotone over them, the fastest turns once in eight steps of
// 512.
constexpr double kSlowest = 1, kFastest = 400;

}  // namespace

void ResidualMlpBlockImpl::reset() {
    // A bias would be taken away again by the norm behind it, and Adam would make steps of its rounding
    // errors.
    wide_ = register_module("wide",
                            torch::nn::Linear(torch::nn::LinearOptions(2 * width_, 4 * width_).bias(false)));
    wide_norm_ = register_module("wide_norm", SynchronisedNorm(4 * width_));
    narrow_ = register_module(
        "narrow", torch::nn::Linear(torch::nn::LinearOptions(4 * width_, 2 * width_).bias(false)));
    narrow_norm_ = register_module("narrow_norm", SynchronisedNorm(2 * width_));
}

torch::Tensor ResidualMlpBlockImpl::forward(const torch::Tensor& x, const SumOverRanks& sum) {
    const torch::Tensor hidden = torch::silu(wide_norm_->forward(wide_->forward(x), sum));
    return x + narrow_norm_->forward(narrow_->forward(hidden), sum);
}

void ResidualMlpImpl::reset() {
    const std::int64_t width = options_.width;
    input_ = register_module("input", torch::nn::Linear(options_.latent, width));
    time_inner_ = register_module("time_inner", torch::nn::Linear(kTimeFeatures, width));
    time_outer_ = register_module("time_outer", torch::nn::Linear(width, width));
    blocks_ = register_module("blocks", torch::nn::ModuleList());
    for (std::int64_t i = 0; i < options_.blocks; ++i) blocks_->push_back(ResidualMlpBlock(width));
    head_ = register_module("head", torch::nn::Linear(2 * width, width));
    output_ = register_module("output", torch::nn::Linear(width, options_.latent));
    frequencies_ = register_buffer(
        "frequencies",
        torch::exp(torch::linspace(std::log(kSlowest), std::log(kFastest), kTimeFeatures / 2)));
}

torch::Tensor ResidualMlpImpl::forward(const torch::Tensor& x, const torch::Tensor& times,
                                       const SumOverRanks& sum) {
    const torch::Tensor phases = times.unsqueeze(1) * frequencies_.unsqueeze(0);
    const torch::Tensor features = torch::cat({torch::sin(phases), torch::cos(phases)}, 1);
    const torch::Tensor time = torch::silu(time_outer_->forward(torch::silu(time_inner_->forward(features))));
    torch::Tensor h = torch::cat({input_->forward(x), time.expand({x.size(0), time.size(1)})}, 1);
    for (const auto& block : *blocks_) h = block->as<ResidualMlpBlock>()->forward(h, sum);
    return output_->forward(torch::silu(head_->forward(h)));
}

}  // namespace lapatlas
