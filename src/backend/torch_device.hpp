#pragma once

#include <torch/torch.h>

#include "dist/cuda_stream.hpp"
#include "src/backend/tensor_function.hpp"

namespace lapatlas {

/// LibTorch's name of a GPU, which the calling thread then uses.
torch::Device use_gpu(int gpu);
/// The stream that LibTorch gives its work on `device` to.
CUstream_st* stream_of(const torch::Device& device);

/// Gives memory that LibTorch keeps for later back to the device.
void release_cached_memory();

/// `function` as work that is recorded at the first call, for its inputs' shapes, and replayed at every
/// further one by one launch (a CUDA graph). See Backend::repeated.
TensorFunction recorded(const TensorFunction& function, const torch::Device& device);

}  // namespace lapatlas
