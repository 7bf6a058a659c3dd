#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "src/diffusion/covariate_embedding.hpp"
#include "src/diffusion/label_means.hpp"
#include "src/diffusion/scld_unet.hpp"
#include "src/diffusion/score_trunk.hpp"

namespace lapatlas {

/// What a ScoreNet is between its conditions and its output.
enum class ScoreNetwork { kMlp, kCellUnet, kResidualMlp, kScldUnet };

struct ScoreNetOptions {
    std::int64_t latent = 16;      ///< d
    std::int64_t num_labels = 0;   ///< labels 0 .. num_labels - 1; index num_labels is the null label
    std::int64_t num_batches = 0;  ///< 0: batches are not known
    std::int64_t width = 256;
    std::int64_t blocks = 4;
    /// `blocks` residual blocks of `width`, the conditions' width in all cases; a CellUnet or ScldUnet of
    /// unet_widths; or a ResidualTrunk with D = `width` and `blocks`.
    ScoreNetwork network = ScoreNetwork::kMlp;
    std::vector<std::int64_t> unet_widths{};
    Fusion fusion = Fusion::kConcat;  ///< of a ScldUnet of unet_widths
    /// Above 0: a label is told by its cells' mean expression of so many genes (LabelMeans), which is to be
    /// set; else by an embedding of its own.
    std::int64_t mean_genes = 0;
    std::vector<CovariateOptions> covariates{};  ///< further conditions
    /// Not empty: the network sees latents that are shifted by their condition, as those of SCLD's eq. 9 are:
    /// by s(t) times a linear function of the label's embedding, s linear between (time, s) pairs.
    std::vector<std::pair<float, float>> shifts{};
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
    /// [n] int64, needed if num_batches > 0; `covariates` [n, columns], NaN unknown, if there are any.
    torch::Tensor forward(const torch::Tensor& z, const torch::Tensor& t, const torch::Tensor& labels,
                          const torch::Tensor& batches = {}, const ScoreBlockImpl::Dropout& dropout = {},
                          const torch::Tensor& covariates = {});
    /// The same for one time of all cells, as in sampling: what depends on time, label and batch alone is
    /// computed once for each pair of those (where they are fewer than cells), which saves half of the work.
    torch::Tensor forward_at(const torch::Tensor& z, double t, const torch::Tensor& labels,
                             const torch::Tensor& batches = {}, const torch::Tensor& covariates = {});
    /// With mean_genes: see LabelMeans::set.
    void set_label_means(const torch::Tensor& means) { means_->set(means); }
    const ScoreNetOptions& options() const { return options_; }
    std::int64_t null_label() const { return options_.num_labels; }

  private:
    torch::Tensor known_labels(const torch::Tensor& labels) const;
    /// Of times [m], labels [m] and batches [m]; without rows.
    TrunkConditions condition(const torch::Tensor& t, const torch::Tensor& labels,
                              const torch::Tensor& batches, const torch::Tensor& covariates);
    /// What z [n, d] is shifted by at times [m] under conditions: [m, d].
    torch::Tensor shift(const torch::Tensor& t, const TrunkConditions& conditions);
    /// v of z [n, d].
    torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                           const ScoreBlockImpl::Dropout& dropout);

    ScoreNetOptions options_;
    torch::nn::Linear input_{nullptr}, time_inner_{nullptr}, time_outer_{nullptr}, output_{nullptr};
    torch::nn::Linear of_shift_{nullptr};
    torch::nn::Embedding labels_{nullptr}, batches_{nullptr};
    LabelMeans means_{nullptr};  ///< in place of labels_
    CovariateEmbedding covariates_{nullptr};
    torch::nn::ModuleList blocks_{nullptr};
    torch::nn::LayerNorm norm_{nullptr};
    std::shared_ptr<ScoreTrunk> trunk_;        ///< in place of input_, blocks_, norm_ and output_
    torch::Tensor frequencies_;                // see time_features
    torch::Tensor shift_times_, shift_sizes_;  // [k] buffers
};
TORCH_MODULE(ScoreNet);

}  // namespace lapatlas
