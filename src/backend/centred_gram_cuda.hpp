#pragma once

#include <torch/torch.h>

#include <memory>

#include "dist/cuda_stream.hpp"
#include "src/preprocess/centred_gram.hpp"

namespace lapatlas {

/// Collective. CentredGram that keeps the rows in GPU memory and multiplies them there, made dense tile by
/// tile, in float64: the result depends on the number of ranks by rounding. Keeps a reference to `local`.
std::unique_ptr<CentredGram> make_cuda_centred_gram(const Communicator& comm, const ExpressionRows& local,
                                                    const torch::Device& device, CUstream_st* stream);

}  // namespace lapatlas
