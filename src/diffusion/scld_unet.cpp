#include "src/diffusion/scld_unet.hpp"

#include <torch/torch.h>

#include <cmath>

namespace lapatlas {

namespace {

/// Tokens that a latent's input and a condition are cut into for attention.
constexpr std::int64_t kTokens = 8;

torch::nn::LayerNorm layer_norm(std::int64_t width) {
    return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

}  // namespace

Fusion fusion_from_name(const std::string& name) {
    if (name == "add") return Fusion::kAdd;
    return name == "attention" ? Fusion::kAttention : Fusion::kConcat;
}

void WideBlockImpl::reset() {
    first_norm_ = register_module("first_norm", layer_norm(in_));
    first_ = register_module("first", torch::nn::Linear(in_, out_));
    of_time_ = register_module("of_time", torch::nn::Linear(condition_, out_));
    second_norm_ = register_module("second_norm", layer_norm(out_));
    second_ = register_module("second", torch::nn::Linear(out_, out_));
    if (in_ != out_) past_ = register_module("past", torch::nn::Linear(in_, out_));
}

torch::Tensor WideBlockImpl::forward(const torch::Tensor& x, const TrunkConditions& conditions,
                                     const TrunkDropout& dropout, std::uint32_t number) {
    // Sums and norms stay float32, whatever products are rounded to.
    const torch::Tensor inner = first_->forward(torch::silu(first_norm_->forward(x))).to(torch::kFloat32) +
                                conditions.for_cells(of_time_->forward(conditions.times));
    const torch::Tensor active = torch::silu(second_norm_->forward(inner));
    const torch::Tensor outer =
        second_->forward(dropout ? dropout(active, number) : active).to(torch::kFloat32);
    return (past_.is_empty() ? x : past_->forward(x).to(torch::kFloat32)) + outer;
}

void ScldUnetImpl::reset() {
    const std::int64_t first = widths_.front();
    input_ = register_module(
        "input", torch::nn::Linear(fusion_ == Fusion::kConcat ? latent_ + condition_ : latent_, first));
    if (fusion_ == Fusion::kAdd)
        of_label_ = register_module("of_label", torch::nn::Linear(condition_, first));
    if (fusion_ == Fusion::kAttention) {
        keys_ = register_module("keys", torch::nn::Linear(condition_, first));
        values_ = register_module("values", torch::nn::Linear(condition_, first));
    }
    narrowing_ = register_module("narrowing", torch::nn::ModuleList());
    widening_ = register_module("widening", torch::nn::ModuleList());
    for (std::size_t i = 1; i < widths_.size(); ++i)
        narrowing_->push_back(WideBlock(widths_[i - 1], widths_[i], condition_));
    middle_ = register_module("middle", WideBlock(widths_.back(), widths_.back(), condition_));
    for (std::size_t i = widths_.size() - 1; i > 0; --i)
        widening_->push_back(WideBlock(2 * widths_[i], widths_[i - 1], condition_));
    output_ = register_module("zero_output", torch::nn::Linear(first, latent_));
}

torch::Tensor ScldUnetImpl::fused(const torch::Tensor& z, const TrunkConditions& conditions) {
    if (fusion_ == Fusion::kConcat)
        return input_->forward(torch::cat({z, conditions.for_cells(conditions.labels)}, 1));
    const torch::Tensor h = input_->forward(z);
    if (fusion_ == Fusion::kAdd) return h + conditions.for_cells(of_label_->forward(conditions.labels));
    // Cross-attention: each part of the latent asks all parts of the condition.
    const auto tokens = [](const torch::Tensor& x) {
        return x.reshape({x.size(0), kTokens, x.size(1) / kTokens});
    };
    const torch::Tensor queries = tokens(h),
                        keys = tokens(conditions.for_cells(keys_->forward(conditions.labels))),
                        values = tokens(conditions.for_cells(values_->forward(conditions.labels)));
    const torch::Tensor weights = torch::softmax(
        torch::bmm(queries, keys.transpose(1, 2)) / std::sqrt(static_cast<double>(queries.size(2))), 2);
    return h + torch::bmm(weights, values).reshape(h.sizes());
}

torch::Tensor ScldUnetImpl::velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                                     const TrunkDropout& dropout) {
    torch::Tensor h = fused(z, conditions).to(torch::kFloat32);
    std::vector<torch::Tensor> before;
    std::uint32_t number = 0;
    for (const auto& block : *narrowing_) {
        h = block->as<WideBlock>()->forward(h, conditions, dropout, number++);
        before.push_back(h);
    }
    h = middle_->forward(h, conditions, dropout, number++);
    for (const auto& block : *widening_) {
        h = block->as<WideBlock>()->forward(torch::cat({h, before.back()}, 1), conditions, dropout, number++);
        before.pop_back();
    }
    return output_->forward(torch::silu(h));
}

}  // namespace lapatlas
