#include "src/diffusion/score_net.hpp"

#include <algorithm>

#include "src/diffusion/cell_unet.hpp"
#include "src/diffusion/time_features.hpp"
#include "src/diffusion/vp_sde.hpp"

namespace lapatlas {

void ScoreBlockImpl::reset() {
    norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width_})));
    film_ = register_module("film", torch::nn::Linear(width_, 2 * width_));
    inner_ = register_module("inner", torch::nn::Linear(width_, width_));
    outer_ = register_module("outer", torch::nn::Linear(width_, width_));
}

torch::Tensor ScoreBlockImpl::forward(const torch::Tensor& h, const torch::Tensor& scale_shift,
                                      const Dropout& dropout, std::uint32_t block) {
    const auto parts = scale_shift.chunk(2, 1);
    const auto modulated = norm_->forward(h) * (1 + parts[0]) + parts[1];
    const auto hidden = torch::silu(inner_->forward(modulated));
    return h + outer_->forward(dropout ? dropout(hidden, block) : hidden);
}

void ScoreNetImpl::reset() {
    const std::int64_t width = options_.width;
    const bool is_mlp = options_.unet_widths.empty();
    if (is_mlp) input_ = register_module("input", torch::nn::Linear(options_.latent, width));
    time_inner_ = register_module("time_inner", torch::nn::Linear(kTimeFeatures, width));
    time_outer_ = register_module("time_outer", torch::nn::Linear(width, width));
    labels_ = register_module("label_embedding", torch::nn::Embedding(options_.num_labels + 1, width));
    if (options_.num_batches > 0)
        batches_ = register_module("batch_embedding", torch::nn::Embedding(options_.num_batches, width));
    if (is_mlp) {
        blocks_ = register_module("blocks", torch::nn::ModuleList());
        for (std::int64_t i = 0; i < options_.blocks; ++i) blocks_->push_back(ScoreBlock(width));
        norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
        output_ = register_module("zero_output", torch::nn::Linear(width, options_.latent));
    } else {
        trunk_ = register_module("trunk", CellUnet(options_.latent, width, options_.unet_widths));
    }
    frequencies_ = register_buffer("frequencies", time_frequencies());
}

torch::Tensor ScoreNetImpl::known_labels(const torch::Tensor& labels) const {
    return torch::where(labels < 0, torch::full_like(labels, null_label()), labels);
}

torch::Tensor ScoreNetImpl::condition(const torch::Tensor& t, const torch::Tensor& labels,
                                      const torch::Tensor& batches) {
    const auto features = time_features(t, frequencies_);
    const auto time = time_outer_->forward(torch::silu(time_inner_->forward(features)));
    const auto known = time + labels_->forward(labels);
    return torch::silu(batches_.is_empty() ? known : known + batches_->forward(batches));
}

torch::Tensor ScoreNetImpl::velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                                     const ScoreBlockImpl::Dropout& dropout) {
    if (trunk_) return trunk_->velocity(z, conditions, dropout);
    // What the blocks add up stays float32, whatever their products are rounded to.
    auto h = input_->forward(z).to(torch::kFloat32);
    std::uint32_t number = 0;
    for (const auto& module : *blocks_) {
        auto* block = module->as<ScoreBlock>();
        h = block->forward(h, conditions.for_cells(block->scale_shift(conditions.values)), dropout, number++);
    }
    return output_->forward(torch::silu(norm_->forward(h)));
}

torch::Tensor ScoreNetImpl::forward(const torch::Tensor& z, const torch::Tensor& t,
                                    const torch::Tensor& labels, const torch::Tensor& batches,
                                    const ScoreBlockImpl::Dropout& dropout) {
    const auto alpha = torch::exp(-t).unsqueeze(1);
    const auto sigma = torch::sqrt(-torch::expm1(-2 * t)).unsqueeze(1);
    return sigma * z + alpha * velocity(z, {condition(t, known_labels(labels), batches), {}}, dropout);
}

torch::Tensor ScoreNetImpl::forward_at(const torch::Tensor& z, double t, const torch::Tensor& labels,
                                       const torch::Tensor& batches) {
    const std::int64_t num_batches = std::max<std::int64_t>(1, options_.num_batches);
    const std::int64_t num_conditions = (options_.num_labels + 1) * num_batches;
    if (num_conditions >= z.size(0))
        return forward(z, torch::full({z.size(0)}, t, z.options()), labels, batches);
    const auto all = torch::arange(num_conditions, labels.options());
    const auto conditions =
        condition(torch::full({num_conditions}, t, z.options()), torch::div(all, num_batches, "floor"),
                  torch::remainder(all, num_batches));
    auto rows = known_labels(labels) * num_batches;
    if (options_.num_batches > 0) rows = rows + batches;
    return vp_sigma(t) * z + vp_alpha(t) * velocity(z, {conditions, rows}, {});
}

}  // namespace lapatlas
