#include "src/embed/mixed_precision.hpp"

#include <ATen/autocast_mode.h>

namespace lapatlas {

MixedPrecision::MixedPrecision(const torch::Device& device, bool on)
    : device_(device.type()),
      before_(at::autocast::is_autocast_enabled(device_)),
      type_before_(at::autocast::get_autocast_dtype(device_)) {
    at::autocast::increment_nesting();
    at::autocast::set_autocast_dtype(device_, torch::kBFloat16);
    at::autocast::set_autocast_enabled(device_, on);
}

MixedPrecision::~MixedPrecision() {
    // Rounded copies of weights are kept until the outermost one ends: the next step has other weights.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, before_);
    at::autocast::set_autocast_dtype(device_, type_before_);
}

torch::ScalarType factor_type(const torch::Device& device) {
    return at::autocast::is_autocast_enabled(device.type()) ? torch::kBFloat16 : torch::kFloat32;
}

void multiply(const torch::Tensor& out, const torch::Tensor& a, const torch::Tensor& b, bool adds) {
    torch::Tensor sum = out;
    if (a.scalar_type() != torch::kBFloat16 && b.scalar_type() != torch::kBFloat16) {
        if (adds)
            sum.addmm_(a, b);
        else
            torch::mm_out(sum, a, b);
        return;
    }
    const torch::Tensor rounded_a = a.to(torch::kBFloat16), rounded_b = b.to(torch::kBFloat16);
    // Only GPUs sum products of bfloat16 into float32 by themselves.
    const auto product_into = [&](torch::Tensor& to) {
        if (to.is_cuda())
            torch::mm_out(to, rounded_a, rounded_b, torch::kFloat32);
        else
            torch::mm_out(to, rounded_a.to(torch::kFloat32), rounded_b.to(torch::kFloat32));
    };
    if (!adds) return product_into(sum);
    torch::Tensor product = torch::empty_like(sum);
    product_into(product);
    sum.add_(product);
}

}  // namespace lapatlas
