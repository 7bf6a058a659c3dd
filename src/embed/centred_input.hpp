#pragma once

#include <torch/torch.h>

#include <memory>

#include "src/embed/encoder_input.hpp"

namespace lapatlas {

/// The encoder's input with `mean` [num_genes] (on its device) taken from every row: X - 1 mean^T, which
/// stays sparse, as its products are X w - 1 (mean^T w) and X^T y - mean (1^T y).
std::shared_ptr<const EncoderInput> centred(std::shared_ptr<const EncoderInput> x, torch::Tensor mean);

}  // namespace lapatlas
