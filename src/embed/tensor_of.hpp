#pragma once

#include <torch/torch.h>

#include <ranges>
#include <type_traits>

namespace lapatlas {

/// A one-dimensional tensor on `device` with a copy of the host's values.
template <std::ranges::contiguous_range Values>
torch::Tensor tensor_of(const Values& values, const torch::Device& device) {
    using T = std::remove_cv_t<std::ranges::range_value_t<Values>>;
    const auto size = static_cast<std::int64_t>(std::ranges::size(values));
    const auto options = torch::TensorOptions(c10::CppTypeToScalarType<T>::value);
    // from_blob takes a pointer to what it might change; here the values are copied at once.
    return torch::from_blob(const_cast<T*>(std::ranges::data(values)), {size}, options)
        .to(options.device(device), /*non_blocking=*/false, /*copy=*/true);
}

/// The values of a tensor that may be undefined.
inline const float* data_or_null(const torch::Tensor& block) {
    return block.defined() ? block.data_ptr<float>() : nullptr;
}

}  // namespace lapatlas
