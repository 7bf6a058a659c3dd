#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "src/diffusion/synchronised_norm.hpp"

namespace lapatlas {

struct ResidualMlpOptions {
    std::int64_t latent = 15;  ///< k
    std::int64_t width = 512;  ///< D
    std::int64_t blocks = 8;   ///< M
};

/// x + Norm(Linear(SiLU(Norm(Linear(x))))), 2D -> 4D -> 2D; the linear layers have no bias.
class ResidualMlpBlockImpl : public torch::nn::Cloneable<ResidualMlpBlockImpl> {
  public:
    explicit ResidualMlpBlockImpl(std::int64_t width) : width_(width) { reset(); }
    void reset() override;
    torch::Tensor forward(const torch::Tensor& x, const SumOverRanks& sum);

  private:
    std::int64_t width_;
    torch::nn::Linear wide_{nullptr}, narrow_{nullptr};
    SynchronisedNorm wide_norm_{nullptr}, narrow_norm_{nullptr};
};
TORCH_MODULE(ResidualMlpBlock);

/// The noise predictor of DICE (appendix C, table 3; there TabularDiffusionMLP): the latent through a linear
/// layer to D, the time through 16 sinusoids and two layers to D, both side by side through M residual blocks
/// of width 2D with batch normalisation, and back to the latent through a layer of D. The table's width 4D of
/// the concatenation is a slip: the blocks take 2D.
class ResidualMlpImpl : public torch::nn::Cloneable<ResidualMlpImpl> {
  public:
    explicit ResidualMlpImpl(const ResidualMlpOptions& options) : options_(options) { reset(); }
    void reset() override;
    /// Noisy latents x [n, k] at times [n] or [1], each in (0, 1] -> predicted noise [n, k]. Collective in
    /// training, see SynchronisedNorm.
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& times, const SumOverRanks& sum = {});
    const ResidualMlpOptions& options() const { return options_; }

  private:
    ResidualMlpOptions options_;
    torch::nn::Linear input_{nullptr}, time_inner_{nullptr}, time_outer_{nullptr}, head_{nullptr},
        output_{nullptr};
    torch::nn::ModuleList blocks_{nullptr};
    torch::Tensor frequencies_;  // [8], radians
};
TORCH_MODULE(ResidualMlp);

}  // namespace lapatlas
