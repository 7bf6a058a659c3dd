#pragma once

#include <torch/torch.h>

#include <memory>

#include "dist/cuda_stream.hpp"
#include "src/graph/block_search.hpp"

namespace lapatlas {

/// BlockSearch by float32 products on a GPU, which keep for every query more points than are wanted; the host
/// measures those in float64 and searches for itself where float32's rounding leaves a doubt. More
/// neighbours than a GPU's lists hold (about 110) are found by the CPU alone. Of up to 2^31 points a block.
std::unique_ptr<BlockSearch> make_cuda_block_search(const torch::Device& device, CUstream_st* stream);

}  // namespace lapatlas
