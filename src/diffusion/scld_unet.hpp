#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/diffusion/score_trunk.hpp"

namespace lapatlas {

/// How a latent and the embedding of its condition become one input (SCLD 3.2.2).
enum class Fusion { kConcat, kAdd, kAttention };
Fusion fusion_from_name(const std::string& name);

/// A wide residual block: x + Linear(Dropout(SiLU(Norm(Linear(SiLU(Norm(x))) + Linear(time))))), x through a
/// linear layer where widths differ.
class WideBlockImpl : public torch::nn::Cloneable<WideBlockImpl> {
  public:
    WideBlockImpl(std::int64_t in, std::int64_t out, std::int64_t condition)
        : in_(in), out_(out), condition_(condition) {
        reset();
    }
    void reset() override;
    /// x [n, in], time [m, condition] for rows as in `conditions`.
    torch::Tensor forward(const torch::Tensor& x, const TrunkConditions& conditions,
                          const TrunkDropout& dropout, std::uint32_t number);

  private:
    std::int64_t in_, out_, condition_;
    torch::nn::LayerNorm first_norm_{nullptr}, second_norm_{nullptr};
    torch::nn::Linear first_{nullptr}, second_{nullptr}, of_time_{nullptr}, past_{nullptr};
};
TORCH_MODULE(WideBlock);

/// The U-Net of SCLD for latents of cells: wide residual blocks that narrow from the first of `widths` to the
/// last and widen again, each way back beside (concatenated with) what the way there had. The condition's
/// embedding is fused with the latent before it, the time told to every block. The output layer is to start
/// at zero, as the ScoreNet's.
class ScldUnetImpl : public torch::nn::Cloneable<ScldUnetImpl>, public ScoreTrunk {
  public:
    ScldUnetImpl(std::int64_t latent, std::int64_t condition, std::vector<std::int64_t> widths, Fusion fusion)
        : latent_(latent), condition_(condition), widths_(std::move(widths)), fusion_(fusion) {
        reset();
    }
    void reset() override;
    torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                           const TrunkDropout& dropout) override;

  private:
    torch::Tensor fused(const torch::Tensor& z, const TrunkConditions& conditions);

    std::int64_t latent_, condition_;
    std::vector<std::int64_t> widths_;
    Fusion fusion_;
    torch::nn::Linear input_{nullptr}, of_label_{nullptr}, keys_{nullptr}, values_{nullptr}, output_{nullptr};
    torch::nn::ModuleList narrowing_{nullptr}, widening_{nullptr};
    WideBlock middle_{nullptr};
};
TORCH_MODULE(ScldUnet);

}  // namespace lapatlas
