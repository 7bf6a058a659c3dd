#pragma once

#include <torch/torch.h>

#include "dist/cuda_stream.hpp"

namespace lapatlas {

/// LibTorch's name of a GPU, which the calling thread then uses.
torch::Device use_gpu(int gpu);
/// The stream that LibTorch gives its work on `device` to.
CUstream_st* stream_of(const torch::Device& device);

}  // namespace lapatlas
