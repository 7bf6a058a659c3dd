#pragma once

#include "dist/cuda_stream.hpp"
#include "src/decode/block_sampling.hpp"

namespace lapatlas {

/// draw_block where logits and dispersion are in GPU memory: the same counts for the same rates. Overwrites
/// the logits; waits for `stream`.
CountMatrix draw_block_on_gpu(const BlockDraws& draws, CUstream_st* stream);

}  // namespace lapatlas
