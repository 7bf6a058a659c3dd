#include "src/diffusion/residual_trunk.hpp"

#include <torch/torch.h>

namespace lapatlas {

namespace {

torch::nn::LayerNorm layer_norm(std::int64_t width) {
    return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

}  // namespace

void ResidualTrunkBlockImpl::reset() {
    wide_ = register_module("wide", torch::nn::Linear(2 * width_, 4 * width_));
    wide_norm_ = register_module("wide_norm", layer_norm(4 * width_));
    narrow_ = register_module("narrow", torch::nn::Linear(4 * width_, 2 * width_));
    narrow_norm_ = register_module("narrow_norm", layer_norm(2 * width_));
}

torch::Tensor ResidualTrunkBlockImpl::forward(const torch::Tensor& x, const TrunkDropout& dropout,
                                              std::uint32_t number) {
    const torch::Tensor hidden = torch::silu(wide_norm_->forward(wide_->forward(x).to(torch::kFloat32)));
    const torch::Tensor kept = dropout ? dropout(hidden, number) : hidden;
    return x + narrow_norm_->forward(narrow_->forward(kept).to(torch::kFloat32));
}

void ResidualTrunkImpl::reset() {
    input_ = register_module("input", torch::nn::Linear(latent_, width_));
    of_condition_ = register_module("of_condition", torch::nn::Linear(condition_, width_));
    blocks_ = register_module("blocks", torch::nn::ModuleList());
    for (std::int64_t i = 0; i < num_blocks_; ++i) blocks_->push_back(ResidualTrunkBlock(width_));
    head_ = register_module("head", torch::nn::Linear(2 * width_, width_));
    output_ = register_module("zero_output", torch::nn::Linear(width_, latent_));
}

torch::Tensor ResidualTrunkImpl::velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                                          const TrunkDropout& dropout) {
    // Sums and norms stay float32, whatever products are rounded to.
    torch::Tensor h =
        torch::cat({input_->forward(z).to(torch::kFloat32),
                    conditions.for_cells(of_condition_->forward(conditions.values)).to(torch::kFloat32)},
                   1);
    std::uint32_t number = 0;
    for (const auto& block : *blocks_) h = block->as<ResidualTrunkBlock>()->forward(h, dropout, number++);
    return output_->forward(torch::silu(head_->forward(h)));
}

}  // namespace lapatlas
