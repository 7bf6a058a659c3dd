#pragma once

#include <cstdint>

#include "dist/cuda_stream.hpp"
#include "src/random/philox.hpp"

namespace lapatlas::cuda {

/// Rows of random numbers in GPU memory: row i is a function of (seed, stream, ids[i], step), number for
/// number what PlacedRandom gives on the CPU (normals up to the rounding of log, sin and cos). ids [rows] are
/// in GPU memory too. Each enqueues on `queue`; CudaError if it cannot.
struct PlacedRows {
    std::uint64_t seed = 0;
    RandomStream stream = RandomStream::kSplit;
    std::uint32_t step = 0;
    const std::int64_t* ids = nullptr;
    std::int64_t rows = 0;
};

/// Standard normals [rows, width], as PlacedRandom::fill_normals.
void fill_normals(const PlacedRows& rows, std::int64_t width, float* out, CUstream_st* queue);

/// uniform_float of each row's first word [rows].
void fill_uniforms(const PlacedRows& rows, float* out, CUstream_st* queue);

/// Inverted dropout [rows, width] of one layer: 0 with probability `rate`, else 1 / (1 - rate).
void fill_dropout(const PlacedRows& rows, std::uint32_t layer, std::int64_t width, double rate, float* out,
                  CUstream_st* queue);

}  // namespace lapatlas::cuda
