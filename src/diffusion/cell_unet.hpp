#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "src/diffusion/score_trunk.hpp"

namespace lapatlas {

/// SiLU(LayerNorm(Linear(x) + Linear(condition))), from one width to another.
class UnetLayerImpl : public torch::nn::Cloneable<UnetLayerImpl> {
  public:
    UnetLayerImpl(std::int64_t in, std::int64_t out, std::int64_t condition)
        : in_(in), out_(out), condition_(condition) {
        reset();
    }
    void reset() override;
    torch::Tensor forward(const torch::Tensor& x, const TrunkConditions& conditions,
                          const TrunkDropout& dropout, std::uint32_t number);

  private:
    std::int64_t in_, out_, condition_;
    torch::nn::Linear linear_{nullptr}, of_condition_{nullptr};
    torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(UnetLayer);

/// The U-Net of scDiffusion (Luo et al. 2024) for latents of cells, which have no neighbourhood: layers that
/// narrow from the first of `widths` to the last and widen again, each way back with what the way there had
/// at that width added. The output layer is to start at zero, as the ScoreNet's.
class CellUnetImpl : public torch::nn::Cloneable<CellUnetImpl>, public ScoreTrunk {
  public:
    /// `widths`: two at least.
    CellUnetImpl(std::int64_t latent, std::int64_t condition, std::vector<std::int64_t> widths)
        : latent_(latent), condition_(condition), widths_(std::move(widths)) {
        reset();
    }
    void reset() override;
    torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                           const TrunkDropout& dropout) override;

  private:
    std::int64_t latent_, condition_;
    std::vector<std::int64_t> widths_;
    torch::nn::Linear input_{nullptr}, output_{nullptr};
    torch::nn::ModuleList narrowing_{nullptr}, widening_{nullptr};
};
TORCH_MODULE(CellUnet);

}  // namespace lapatlas
