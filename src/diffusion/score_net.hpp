#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "src/diffusion/score_trunk.hpp"

namespace lapatlas {

struct ScoreNetOptions {
    std::int64_t latent = 16;      ///< d
    std::int64_t num_labels = 0;   ///< labels 0 .. num_labels - 1; index num_labels is the null label
    std::int64_t num_batches = 0;  ///< 0: batches are not known
    std::int64_t width = 256;
    std::int64_t blocks = 4;
    /// Widths of a CellUnet; empty: `blocks` residual blocks of `width`, the conditions' width in both cases.
    std::vector<std::int64_t> unet_widths{};
};

/// h + Linear(Dropout(SiLU(Linear(FiLM(LayerNorm(h)))))), the scale and shift of FiLM from the condition.
class ScoreBlockImpl : public torch::nn::Cloneable<ScoreBlockImpl> {
  public:
    explicit ScoreBlockImpl(std::int64_t width) : width_(width) { reset(); }
    void reset() override;
    /// FiLM's scale and shift, [m, 2 width], of conditions [m, width].
    torch::Tensor scale_shift(const torch::Tensor& condition) { return film_->forward(condition); }
    using Dropout = TrunkDropout;
    /// h [n, width], scale and shift [n, 2 width] -> [n, width].
    torch::Tensor forward(const torch::Tensor& h, const torch::Tensor& scale_shift, const Dropout& dropout,
                          std::uint32_t block);

  private:
    std::int64_t width_;
    torch::nn::LayerNorm norm_{nullptr};
    torch::nn::Linear film_{nullptr}, inner_{nullptr}, outer_{nullptr};
};
TORCH_MODULE(ScoreBlock);

/// The ScoreNet of LapDDPM 3.2.2: an MLP with LayerNorm that predicts the noise in a noisy latent, given the
/// time (sinusoidal features of lambda = log(alpha / sigma) through an MLP), the cell-type label (an
/// embedding with a learned null label) and, where there are any, the batch (another embedding).
///
/// The noise is written as eps = sigma z + alpha v with v the network's output (the v of Salimans & Ho 2022).
/// With v = 0 that is the best predictor for standard-normal latents, which standardised latents nearly are,
/// and an error in v reaches the predicted latent times sigma; an error of a free-standing eps reaches it
/// times sigma / alpha, which is 150 at T = 5. So the output layer is to start at zero: parameters wait for
/// initialise_parameters, whose rule the member names follow.
class ScoreNetImpl : public torch::nn::Cloneable<ScoreNetImpl> {
  public:
    explicit ScoreNetImpl(const ScoreNetOptions& options) : options_(options) { reset(); }
    void reset() override;
    /// Noisy latents z [n, d], times t [n] > 0 (in the type of z), labels [n] int64 -> predicted noise [n,
    /// d]. A label < 0 (unlabelled) is the null label; null_label() is the null label by its index. `batches`
    /// [n] int64, needed if num_batches > 0.
    torch::Tensor forward(const torch::Tensor& z, const torch::Tensor& t, const torch::Tensor& labels,
                          const torch::Tensor& batches = {}, const ScoreBlockImpl::Dropout& dropout = {});
    /// The same for one time of all cells, as in sampling: what depends on time, label and batch alone is
    /// computed once for each pair of those (where they are fewer than cells), which saves half of the work.
    torch::Tensor forward_at(const torch::Tensor& z, double t, const torch::Tensor& labels,
                             const torch::Tensor& batches = {});
    const ScoreNetOptions& options() const { return options_; }
    std::int64_t null_label() const { return options_.num_labels; }

  private:
    torch::Tensor known_labels(const torch::Tensor& labels) const;
    /// [m, width] of times [m], labels [m] and batches [m].
    torch::Tensor condition(const torch::Tensor& t, const torch::Tensor& labels,
                            const torch::Tensor& batches);
    /// v of z [n, d].
    torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                           const ScoreBlockImpl::Dropout& dropout);

    ScoreNetOptions options_;
    torch::nn::Linear input_{nullptr}, time_inner_{nullptr}, time_outer_{nullptr}, output_{nullptr};
    torch::nn::Embedding labels_{nullptr}, batches_{nullptr};
    torch::nn::ModuleList blocks_{nullptr};
    torch::nn::LayerNorm norm_{nullptr};
    std::shared_ptr<ScoreTrunk> trunk_;  ///< in place of input_, blocks_, norm_ and output_
    torch::Tensor frequencies_;          // see time_features
};
TORCH_MODULE(ScoreNet);

}  // namespace lapatlas
