#include "dist/gather_rows_cuda.cuh"
#include "dist/kernel_launch.cuh"

namespace lapatlas {

namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    gather_rows_kernel(const float* rows, const std::int32_t* which, std::int64_t count, std::int64_t width,
                       float* out) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at < count * width) out[at] = rows[which[at / width] * width + at % width];
}

}  // namespace

void gather_rows(const float* rows, const std::int32_t* which, std::int64_t count, std::int64_t width,
                 float* out, cudaStream_t stream) {
    launch("gather_rows", gather_rows_kernel, dim3(blocks_of(count * width, kThreads)), dim3(kThreads),
           stream, rows, which, count, width, out);
}

}  // namespace lapatlas
