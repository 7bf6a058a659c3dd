#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "src/diffusion/score_trunk.hpp"

namespace lapatlas {

/// x + Norm(Linear(Dropout(SiLU(Norm(Linear(x)))))), 2D -> 4D -> 2D.
class ResidualTrunkBlockImpl : public torch::nn::Cloneable<ResidualTrunkBlockImpl> {
  public:
    explicit ResidualTrunkBlockImpl(std::int64_t width) : width_(width) { reset(); }
    void reset() override;
    torch::Tensor forward(const torch::Tensor& x, const TrunkDropout& dropout, std::uint32_t number);

  private:
    std::int64_t width_;
    torch::nn::Linear wide_{nullptr}, narrow_{nullptr};
    torch::nn::LayerNorm wide_norm_{nullptr}, narrow_norm_{nullptr};
};
TORCH_MODULE(ResidualTrunkBlock);

/// The network of DICE (see ResidualMlp) inside a ScoreNet: the latent through a linear layer to D, the
/// condition through another to D, both side by side through residual blocks of width 2D, and back through a
/// layer of D. Norms are of layers, not of batches: the weights that sample are a moving average, whose
/// activations no batch has seen. The output layer is to start at zero, as the ScoreNet's.
class ResidualTrunkImpl : public torch::nn::Cloneable<ResidualTrunkImpl>, public ScoreTrunk {
  public:
    /// `condition`: the conditions' width; `width`: D.
    ResidualTrunkImpl(std::int64_t latent, std::int64_t condition, std::int64_t width, std::int64_t blocks)
        : latent_(latent), condition_(condition), width_(width), num_blocks_(blocks) {
        reset();
    }
    void reset() override;
    torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                           const TrunkDropout& dropout) override;

  private:
    std::int64_t latent_, condition_, width_, num_blocks_;
    torch::nn::Linear input_{nullptr}, of_condition_{nullptr}, head_{nullptr}, output_{nullptr};
    torch::nn::ModuleList blocks_{nullptr};
};
TORCH_MODULE(ResidualTrunk);

}  // namespace lapatlas
