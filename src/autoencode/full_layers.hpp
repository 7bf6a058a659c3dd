#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include "src/autoencode/cell_embedding.hpp"

namespace lapatlas {

/// Dropout of one network after another: layers are numbered in the order in which they ask.
class LayerDropout {
  public:
    LayerDropout(const StepDraws& draws, std::int64_t cells) : draws_(draws), cells_(cells) {}
    /// x [cells x times, width], the cells in order, time after time: each keeps the same units every time.
    torch::Tensor operator()(const torch::Tensor& x);

  private:
    const StepDraws& draws_;
    std::int64_t cells_;
    std::uint32_t layer_ = 0;
};

/// Fully connected layers as scvi-tools has them: (Linear, batch norm over all ranks, ReLU, dropout) x
/// layers, categories as ones and zeros beside the input of the first.
class FullLayersImpl : public torch::nn::Module {
  public:
    FullLayersImpl(std::int64_t in, std::int64_t categories, std::int64_t width, std::int64_t layers);
    /// x [n, in], codes [n] int64 in 0 .. categories - 1 (undefined where there are none) -> [n, width];
    /// collective in training. `dropout` null: none.
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& codes, const SumOverRanks& sum,
                          LayerDropout* dropout);

  private:
    std::int64_t categories_;
    torch::nn::ModuleList linears_{nullptr}, norms_{nullptr};
};
TORCH_MODULE(FullLayers);

}  // namespace lapatlas
