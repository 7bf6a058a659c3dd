#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <functional>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Adds a tensor's values over all ranks, in place. Collective.
using SumOverRanks = std::function<void(torch::Tensor&)>;
/// Of float64 tensors, wherever they lie.
SumOverRanks sum_over_ranks(const Communicator& comm);

/// Batch normalisation (Ioffe & Szegedy 2015) of rows [n, width] whose batch is spread over ranks: mean and
/// variance in training are those of all ranks' rows together, as are the gradients through them, and running
/// figures (unbiased variance) serve outside of training. LibTorch's own takes each rank's rows
/// for a batch.
class SynchronisedNormImpl : public torch::nn::Cloneable<SynchronisedNormImpl> {
  public:
    explicit SynchronisedNormImpl(std::int64_t width, double momentum = 0.1, double epsilon = 1e-5)
        : width_(width), momentum_(momentum), epsilon_(epsilon) {
        reset();
    }
    void reset() override;
    /// Collective in training: `sum` is called once forward and once backward. Ranks without rows join in.
    /// Outside of training `sum` is not called and may be empty.
    torch::Tensor forward(const torch::Tensor& x, const SumOverRanks& sum);
    /// [width] what x is multiplied by outside of training.
    torch::Tensor running_scale() const;

  private:
    std::int64_t width_;
    double momentum_, epsilon_;
    torch::Tensor weight_, bias_;                    // [width]
    torch::Tensor running_mean_, running_variance_;  // [width] buffers
};
TORCH_MODULE(SynchronisedNorm);

}  // namespace lapatlas
