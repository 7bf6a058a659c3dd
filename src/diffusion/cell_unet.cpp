#include "src/diffusion/cell_unet.hpp"

namespace lapatlas {

void UnetLayerImpl::reset() {
    linear_ = register_module("linear", torch::nn::Linear(in_, out_));
    of_condition_ = register_module("of_condition", torch::nn::Linear(condition_, out_));
    norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({out_})));
}

torch::Tensor UnetLayerImpl::forward(const torch::Tensor& x, const TrunkConditions& conditions,
                                     const TrunkDropout& dropout, std::uint32_t number) {
    // Sums and norms stay float32, whatever products are rounded to.
    const torch::Tensor sum = linear_->forward(x).to(torch::kFloat32) +
                              conditions.for_cells(of_condition_->forward(conditions.values));
    const torch::Tensor hidden = torch::silu(norm_->forward(sum));
    return dropout ? dropout(hidden, number) : hidden;
}

void CellUnetImpl::reset() {
    input_ = register_module("input", torch::nn::Linear(latent_, widths_.front()));
    narrowing_ = register_module("narrowing", torch::nn::ModuleList());
    widening_ = register_module("widening", torch::nn::ModuleList());
    for (std::size_t i = 1; i < widths_.size(); ++i)
        narrowing_->push_back(UnetLayer(widths_[i - 1], widths_[i], condition_));
    for (std::size_t i = widths_.size() - 1; i > 0; --i)
        widening_->push_back(UnetLayer(widths_[i], widths_[i - 1], condition_));
    output_ = register_module("zero_output", torch::nn::Linear(widths_.front(), latent_));
}

torch::Tensor CellUnetImpl::velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                                     const TrunkDropout& dropout) {
    torch::Tensor h = input_->forward(z);
    std::vector<torch::Tensor> before;
    std::uint32_t number = 0;
    for (const auto& layer : *narrowing_) {
        before.push_back(h);
        h = layer->as<UnetLayer>()->forward(h, conditions, dropout, number++);
    }
    for (const auto& layer : *widening_) {
        h = layer->as<UnetLayer>()->forward(h, conditions, dropout, number++) + before.back();
        before.pop_back();
    }
    return output_->forward(h);
}

}  // namespace lapatlas
