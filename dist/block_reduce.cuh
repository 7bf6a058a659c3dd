#pragma once

#include "dist/kernel_launch.cuh"

namespace lapatlas {

/// Warps of the largest block.
inline constexpr int kMostWarps = 32;

/// combine(...) over the values of all threads of a one-dimensional block of whole warps, on every thread, in
/// an order that depends on the block's size alone. All threads must call it.
template <class T, class Combine>
__device__ T block_reduce(T value, Combine combine) {
    __shared__ T of_warps[kMostWarps];
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = of_warps[0];
    for (int w = 1; w < warps; ++w) value = combine(value, of_warps[w]);
    // Before the next reduction writes.
    __syncthreads();
    return value;
}

template <class T>
__device__ T block_sum(T value) {
    return block_reduce(value, [](T a, T b) { return a + b; });
}
template <class T>
__device__ T block_max(T value) {
    return block_reduce(value, [](T a, T b) { return a > b ? a : b; });
}

}  // namespace lapatlas
