#pragma once

#include <torch/torch.h>

namespace lapatlas {

/// While it lives, and `on`, networks on `device` round the factors of their matrix products to bfloat16
/// (LibTorch's autocast; Micikevicius et al. 2018, without loss scaling, which bfloat16's range spares), and
/// LibTorch's linear layers their results too. With `on` false such rounding pauses. Weights, what multiply()
/// makes and what residual blocks add up stay float32.
class MixedPrecision {
  public:
    MixedPrecision(const torch::Device& device, bool on);
    ~MixedPrecision();
    MixedPrecision(const MixedPrecision&) = delete;
    MixedPrecision& operator=(const MixedPrecision&) = delete;

  private:
    c10::DeviceType device_;
    bool before_;
    c10::ScalarType type_before_;
};

/// What a factor of a matrix product on `device` is now rounded to: bfloat16 or float32.
torch::ScalarType factor_type(const torch::Device& device);

/// out [n, m] float32 = a [n, k] b [k, m], or out += a b. If either is bfloat16, so is the other made.
/// Without gradients.
void multiply(const torch::Tensor& out, const torch::Tensor& a, const torch::Tensor& b, bool adds = false);

}  // namespace lapatlas
