#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace lapatlas {

/// The condition of SCLD (eq. 8, "pre-guidance"): the mean expression of a label's cells, or of all cells for
/// the null label, through a perceptron.
class LabelMeansImpl : public torch::nn::Cloneable<LabelMeansImpl> {
  public:
    LabelMeansImpl(std::int64_t labels, std::int64_t genes, std::int64_t width)
        : labels_(labels), genes_(genes), width_(width) {
        reset();
    }
    void reset() override;
    /// [labels + 1, genes], that of all cells last; 0 until set.
    void set(const torch::Tensor& means);
    /// labels [n] int64 in 0 .. labels -> [n, width].
    torch::Tensor forward(const torch::Tensor& labels);

  private:
    std::int64_t labels_, genes_, width_;
    torch::Tensor means_;  // buffer
    torch::nn::Linear inner_{nullptr}, outer_{nullptr};
};
TORCH_MODULE(LabelMeans);

}  // namespace lapatlas
