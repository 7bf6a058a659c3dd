#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <utility>

#include "dist/error.hpp"
#include "dist/kernel_launches.hpp"

namespace lapatlas {

/// Threads of a warp.
inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFu;

/// Blocks for `items` of which each takes `items_a_block`.
inline unsigned blocks_of(std::int64_t items, std::int64_t items_a_block) {
    return static_cast<unsigned>((items + items_a_block - 1) / items_a_block);
}

/// CudaError naming `call` unless `result` is success.
inline void check_cuda(cudaError_t result, const char* call) {
    if (result != cudaSuccess) throw CudaError(std::string(call) + ": " + cudaGetErrorString(result));
}

/// Starts `kernel` on `stream` and counts it under `name`. Does nothing where the grid is empty.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
            Arguments&&... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.stream = stream;
    check_cuda(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
    count_kernel_launch(name);
}

}  // namespace lapatlas
