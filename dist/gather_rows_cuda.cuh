#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace lapatlas {

/// out [count, width] = rows[which[i]], all in GPU memory. Enqueued on `stream`; CudaError if it cannot be.
void gather_rows(const float* rows, const std::int32_t* which, std::int64_t count, std::int64_t width,
                 float* out, cudaStream_t stream);

}  // namespace lapatlas
