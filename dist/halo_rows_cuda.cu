#include "dist/halo_rows_cuda.cuh"

#include "dist/bfloat16.hpp"
#include "dist/kernel_launch.cuh"

namespace lapatlas {

namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    pack_rows_kernel(const float* rows, const std::int32_t* which, std::int64_t count, std::int64_t width,
                     float* out) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at < count * width) out[at] = rows[which[at / width] * width + at % width];
}

/// A word has the even value in its lower half and the odd one, or nothing, in its upper.
__global__ void __launch_bounds__(kThreads)
    pack_rounded_rows_kernel(const float* rows, const std::int32_t* which, std::int64_t count,
                             std::int64_t width, float* out) {
    const std::int64_t words = (width + 1) / 2;
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at >= count * words) return;
    const std::int64_t column = at % words * 2;
    const float* row = rows + which[at / words] * width;
    std::uint32_t word = to_bfloat16(row[column]);
    if (column + 1 < width) word |= std::uint32_t{to_bfloat16(row[column + 1])} << 16;
    reinterpret_cast<std::uint32_t*>(out)[at] = word;
}

__global__ void __launch_bounds__(kThreads)
    unpack_rounded_rows_kernel(const float* packed, std::int64_t count, std::int64_t width, float* rows) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at >= count * width) return;
    const std::int64_t words = (width + 1) / 2, column = at % width;
    const std::uint32_t word =
        reinterpret_cast<const std::uint32_t*>(packed)[at / width * words + column / 2];
    rows[at] = from_bfloat16(static_cast<std::uint16_t>(column % 2 == 0 ? word : word >> 16));
}

}  // namespace

void pack_rows(HaloNumbers numbers, const float* rows, const std::int32_t* which, std::int64_t count,
               std::int64_t width, float* out, cudaStream_t stream) {
    const dim3 grid(blocks_of(count * halo_words(numbers, width), kThreads));
    if (numbers == HaloNumbers::kBfloat16)
        launch("pack_rounded_rows", pack_rounded_rows_kernel, grid, dim3(kThreads), stream, rows, which,
               count, width, out);
    else
        launch("pack_rows", pack_rows_kernel, grid, dim3(kThreads), stream, rows, which, count, width, out);
}

void unpack_rows(const float* packed, std::int64_t count, std::int64_t width, float* rows,
                 cudaStream_t stream) {
    launch("unpack_rounded_rows", unpack_rounded_rows_kernel, dim3(blocks_of(count * width, kThreads)),
           dim3(kThreads), stream, packed, count, width, rows);
}

}  // namespace lapatlas
