#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace lapatlas {

/// As what values travel between ranks.
enum class HaloNumbers { kFloat32, kBfloat16 };

/// 32-bit words a row of `width` values is packed in: two bfloat16 to a word.
inline std::int64_t halo_words(HaloNumbers numbers, std::int64_t width) {
    return numbers == HaloNumbers::kBfloat16 ? (width + 1) / 2 : width;
}

/// out [count, halo_words] = rows[which[i]] [width], all in GPU memory. Enqueued on `stream`, as the other;
/// CudaError if it cannot be.
void pack_rows(HaloNumbers numbers, const float* rows, const std::int32_t* which, std::int64_t count,
               std::int64_t width, float* out, cudaStream_t stream);

/// rows [count, width] of rows packed as bfloat16.
void unpack_rows(const float* packed, std::int64_t count, std::int64_t width, float* rows,
                 cudaStream_t stream);

}  // namespace lapatlas
