#include "src/diffusion/score_net.hpp"

#include <algorithm>

#include "src/diffusion/cell_unet.hpp"
#include "src/diffusion/residual_trunk.hpp"
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
    const bool is_mlp = options_.network == ScoreNetwork::kMlp;
    if (is_mlp) input_ = register_module("input", torch::nn::Linear(options_.latent, width));
    time_inner_ = register_module("time_inner", torch::nn::Linear(kTimeFeatures, width));
    time_outer_ = register_module("time_outer", torch::nn::Linear(width, width));
    if (options_.mean_genes > 0)
        means_ = register_module("label_means", LabelMeans(options_.num_labels, options_.mean_genes, width));
    else
        labels_ = register_module("label_embedding", torch::nn::Embedding(options_.num_labels + 1, width));
    if (!options_.covariates.empty())
        covariates_ = register_module("covariates", CovariateEmbedding(options_.covariates, width));
    if (!options_.shifts.empty()) {
        of_shift_ = register_module("zero_of_shift", torch::nn::Linear(width, options_.latent));
        std::vector<float> times, sizes;
        for (const auto& [time, size] : options_.shifts) {
            times.push_back(time);
            sizes.push_back(size);
        }
        shift_times_ = register_buffer("shift_times", torch::tensor(times));
        shift_sizes_ = register_buffer("shift_sizes", torch::tensor(sizes));
    }
    if (options_.num_batches > 0)
        batches_ = register_module("batch_embedding", torch::nn::Embedding(options_.num_batches, width));
    if (is_mlp) {
        blocks_ = register_module("blocks", torch::nn::ModuleList());
        for (std::int64_t i = 0; i < options_.blocks; ++i) blocks_->push_back(ScoreBlock(width));
        norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
        output_ = register_module("zero_output", torch::nn::Linear(width, options_.latent));
    } else if (options_.network == ScoreNetwork::kCellUnet) {
        trunk_ = register_module("trunk", CellUnet(options_.latent, width, options_.unet_widths));
    } else if (options_.network == ScoreNetwork::kScldUnet) {
        trunk_ =
            register_module("trunk", ScldUnet(options_.latent, width, options_.unet_widths, options_.fusion));
    } else {
        trunk_ = register_module("trunk", ResidualTrunk(options_.latent, width, width, options_.blocks));
    }
    frequencies_ = register_buffer("frequencies", time_frequencies());
}

torch::Tensor ScoreNetImpl::known_labels(const torch::Tensor& labels) const {
    return torch::where(labels < 0, torch::full_like(labels, null_label()), labels);
}

TrunkConditions ScoreNetImpl::condition(const torch::Tensor& t, const torch::Tensor& labels,
                                        const torch::Tensor& batches, const torch::Tensor& covariates) {
    const auto features = time_features(t, frequencies_);
    torch::Tensor time = time_outer_->forward(torch::silu(time_inner_->forward(features)));
    if (!batches_.is_empty()) time = time + batches_->forward(batches);
    if (!covariates_.is_empty()) time = time + covariates_->forward(covariates);
    const torch::Tensor label = means_.is_empty() ? labels_->forward(labels) : means_->forward(labels);
    return {torch::silu(time + label), torch::silu(time), label, {}};
}

torch::Tensor ScoreNetImpl::shift(const torch::Tensor& t, const TrunkConditions& conditions) {
    const std::int64_t last = shift_times_.size(0) - 1;
    const torch::Tensor above = torch::searchsorted(shift_times_, t.contiguous()).clamp(1, last),
                        below = above - 1;
    const torch::Tensor from = shift_times_.index_select(0, below), to = shift_times_.index_select(0, above);
    const torch::Tensor share = ((t - from) / (to - from)).clamp(0, 1);
    const torch::Tensor size =
        shift_sizes_.index_select(0, below) * (1 - share) + shift_sizes_.index_select(0, above) * share;
    return size.unsqueeze(1) * of_shift_->forward(conditions.labels);
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
                                    const ScoreBlockImpl::Dropout& dropout, const torch::Tensor& covariates) {
    const auto alpha = torch::exp(-t).unsqueeze(1);
    const auto sigma = torch::sqrt(-torch::expm1(-2 * t)).unsqueeze(1);
    const TrunkConditions conditions = condition(t, known_labels(labels), batches, covariates);
    const auto seen = of_shift_.is_empty() ? z : z + shift(t, conditions);
    return sigma * z + alpha * velocity(seen, conditions, dropout);
}

torch::Tensor ScoreNetImpl::forward_at(const torch::Tensor& z, double t, const torch::Tensor& labels,
                                       const torch::Tensor& batches, const torch::Tensor& covariates) {
    const std::int64_t num_batches = std::max<std::int64_t>(1, options_.num_batches);
    const std::int64_t num_conditions = (options_.num_labels + 1) * num_batches;
    // Covariates may differ from cell to cell.
    if (num_conditions >= z.size(0) || !covariates_.is_empty())
        return forward(z, torch::full({z.size(0)}, t, z.options()), labels, batches, {}, covariates);
    const auto all = torch::arange(num_conditions, labels.options());
    const auto times = torch::full({num_conditions}, t, z.options());
    TrunkConditions conditions =
        condition(times, torch::div(all, num_batches, "floor"), torch::remainder(all, num_batches), {});
    conditions.rows = known_labels(labels) * num_batches;
    if (options_.num_batches > 0) conditions.rows = conditions.rows + batches;
    const auto seen = of_shift_.is_empty() ? z : z + conditions.for_cells(shift(times, conditions));
    return vp_sigma(t) * z + vp_alpha(t) * velocity(seen, conditions, {});
}

}  // namespace lapatlas
