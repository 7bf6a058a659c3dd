#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "src/diffusion/score_trunk.hpp"
#include "src/diffusion/solvers.hpp"
#include "src/diffusion/synchronised_norm.hpp"

namespace lapatlas {

/// The share of the diffusion, from its end without noise, in which a classifier is trained and asked.
inline constexpr double kGuidedShare = 0.5;

struct LatentClassifierOptions {
    std::int64_t latent = 16;  ///< width of what is diffused
    std::int64_t labels = 2;
    std::int64_t width = 256;
    /// One hidden layer with batch norm and ReLU, as the classifier of scANVI, instead of three with SiLU.
    bool scanvi = false;
};

/// Which label a noisy latent has: four linear layers with SiLU between, or two as those of scANVI (Rackl et
/// al., "On the Role of Embeddings", 4.2), the time (features of lambda, as the ScoreNet's) added to the
/// first. In training (torch's sense) scANVI's batch norm is over the step's cells of all ranks.
class LatentClassifierImpl : public torch::nn::Cloneable<LatentClassifierImpl> {
  public:
    explicit LatentClassifierImpl(const LatentClassifierOptions& options) : options_(options) { reset(); }
    void reset() override;
    /// z [n, latent] at times [n] or [1] > 0 -> logits [n, labels].
    /// Collective in training with batch norm, see SynchronisedNorm.
    torch::Tensor forward(const torch::Tensor& z, const torch::Tensor& times,
                          const TrunkDropout& dropout = {}, const SumOverRanks& sum = {});
    /// Gradients in z of log p(label | z, t), [n, latent], for labels [n] int64; 0 for those < 0. Outside
    /// of training. Written out, so that it can be had where autograd is off.
    torch::Tensor log_probability_gradient(const torch::Tensor& z, double t, const torch::Tensor& labels);
    /// [n] int64: the likeliest label of latents without noise.
    torch::Tensor predict(const torch::Tensor& z);
    const LatentClassifierOptions& options() const { return options_; }

  private:
    torch::Tensor first_sum(const torch::Tensor& z, const torch::Tensor& times);

    LatentClassifierOptions options_;
    torch::nn::Linear first_{nullptr}, time_{nullptr}, second_{nullptr}, third_{nullptr}, last_{nullptr};
    SynchronisedNorm norm_{nullptr};  ///< of scANVI's
    torch::Tensor frequencies_;
};
TORCH_MODULE(LatentClassifier);

/// Classifier guidance (Dhariwal & Nichol 2021, algorithm 2): eps - scale sigma(t) grad log p(label | z, t)
/// at times up to `until`, beyond which the latents are too noisy to be told apart; in the ancestral chain
/// that is the gradient, times scale and variance, added to the mean.
NoisePredictor classifier_guided(NoisePredictor predict, LatentClassifier classifier, torch::Tensor labels,
                                 double scale, double until);

}  // namespace lapatlas
