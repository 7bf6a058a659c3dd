#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

namespace lapatlas {

using TensorFunction = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

}  // namespace lapatlas
