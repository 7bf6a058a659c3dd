#include "src/random/placed_random_cuda.hpp"

#include "dist/kernel_launch.cuh"

namespace lapatlas::cuda {

namespace {

constexpr int kThreads = 256;

/// A thread's call of Philox: `call` of row `row`, of `calls` a row.
struct Place {
    std::int64_t row, call;
};
__device__ Place place_of_thread(std::int64_t calls) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    return {at / calls, at % calls};
}

__global__ void __launch_bounds__(kThreads) normals_kernel(PlacedRows rows, std::int64_t width, float* out) {
    const auto [row, call] = place_of_thread((width + 1) / 2);
    if (row >= rows.rows) return;
    const PlacedRandom random(rows.seed, rows.stream);
    const auto pair = random.normals(static_cast<std::uint64_t>(rows.ids[row]), rows.step,
                                     static_cast<std::uint32_t>(call));
    float* pair_out = out + row * width + 2 * call;
    pair_out[0] = static_cast<float>(pair[0]);
    if (2 * call + 1 < width) pair_out[1] = static_cast<float>(pair[1]);
}

__global__ void __launch_bounds__(kThreads) uniforms_kernel(PlacedRows rows, float* out) {
    const auto [row, call] = place_of_thread(1);
    if (row >= rows.rows) return;
    const PlacedRandom random(rows.seed, rows.stream);
    out[row] = uniform_float(random.words(static_cast<std::uint64_t>(rows.ids[row]), rows.step)[0]);
}

__global__ void __launch_bounds__(kThreads)
    dropout_kernel(PlacedRows rows, std::uint32_t layer, std::int64_t width, std::uint32_t threshold,
                   float kept, float* out) {
    const auto [row, call] = place_of_thread((width + 3) / 4);
    if (row >= rows.rows) return;
    const PlacedRandom random(rows.seed, rows.stream);
    const auto words = random.words(static_cast<std::uint64_t>(rows.ids[row]), rows.step,
                                    layer << 24 | static_cast<std::uint32_t>(call));
    for (std::int64_t w = 0; w < 4 && 4 * call + w < width; ++w)
        out[row * width + 4 * call + w] = words[static_cast<std::size_t>(w)] < threshold ? 0.0f : kept;
}

}  // namespace

void fill_normals(const PlacedRows& rows, std::int64_t width, float* out, CUstream_st* queue) {
    launch("fill_normals", normals_kernel, blocks_of(rows.rows * ((width + 1) / 2), kThreads), dim3(kThreads),
           queue, rows, width, out);
}

void fill_uniforms(const PlacedRows& rows, float* out, CUstream_st* queue) {
    launch("fill_uniforms", uniforms_kernel, blocks_of(rows.rows, kThreads), dim3(kThreads), queue, rows,
           out);
}

void fill_dropout(const PlacedRows& rows, std::uint32_t layer, std::int64_t width, double rate, float* out,
                  CUstream_st* queue) {
    launch("fill_dropout", dropout_kernel, blocks_of(rows.rows * ((width + 3) / 4), kThreads), dim3(kThreads),
           queue, rows, layer, width, static_cast<std::uint32_t>(rate * 4294967295.0),
           static_cast<float>(1 / (1 - rate)), out);
}

}  // namespace lapatlas::cuda
