#pragma once

// CUDA's runtime as far as our kernels use it, on the host: the .cu files compile as C++ with this folder
// ahead of CUDA's, and every test of a kernel runs where there is no GPU. A grid's blocks run one after
// another; a block's threads are fibers that run one at a time, from barrier to barrier, in an order that the
// test chooses: a missing barrier shows as a wrong result in some order, an access out of bounds under the
// sanitizers. It proves a kernel's logic, not its speed, nor what needs a real device: occupancy, limits of
// registers, memory ordering between blocks.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
// One block at a time, so a function's shared memory can be a static.
#define __shared__ static

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    constexpr dim3() = default;
    constexpr dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace cuda_on_host {

struct Places {
    uint3 thread{}, block{};
    dim3 block_size, grid_size;
};
/// Of the thread that runs now.
extern Places here;

/// Runs `thread` once for every thread of the grid.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread);
void block_barrier();
/// Every lane of the warp gives `mine` and gets that of lane `source`.
std::uint64_t exchange_in_warp(std::uint64_t mine, int source);

/// Order in which the threads of a block run between barriers: 0 ascending, 1 descending, else shuffled by
/// it.
void set_thread_order(unsigned order);

template <class T>
T shuffle(T value, int source) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange_in_warp(bits, source);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
/// Of 32: threads are numbered x first, as CUDA does.
int lane();

}  // namespace cuda_on_host

inline const uint3& threadIdx = cuda_on_host::here.thread;
inline const uint3& blockIdx = cuda_on_host::here.block;
inline const dim3& blockDim = cuda_on_host::here.block_size;
inline const dim3& gridDim = cuda_on_host::here.grid_size;

inline void __syncthreads() { cuda_on_host::block_barrier(); }
template <class T>
T __shfl_sync(unsigned, T value, int source) {
    return cuda_on_host::shuffle(value, source);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    return cuda_on_host::shuffle(value, cuda_on_host::lane() ^ mask);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
    unsigned bits = 0;
    for (int lane = 0; lane < 32; ++lane)
        bits |= (cuda_on_host::shuffle(predicate != 0 ? 1u : 0u, lane) & 1u) << lane;
    return bits;
}
template <class T>
T atomicAdd(T* at, T value) {
    const T before = *at;
    *at += value;
    return before;
}
template <class T>
T atomicMin(T* at, T value) {
    const T before = *at;
    if (value < before) *at = value;
    return before;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNotReady = 600 };
enum cudaMemcpyKind { cudaMemcpyDefault = 4 };
using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    std::size_t dynamicSmemBytes = 0;
    cudaStream_t stream = nullptr;
};

inline const char* cudaGetErrorString(cudaError_t error) {
    return error == cudaSuccess ? "no error" : "out of memory";
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
    cuda_on_host::run_grid(config->gridDim, config->blockDim,
                           [&] { kernel(static_cast<Parameters>(arguments)...); });
    return cudaSuccess;
}

/// Filled with bytes that make NaNs and wild indices of what was never written.
inline cudaError_t cudaMalloc(void** out, std::size_t bytes) {
    *out = std::malloc(bytes == 0 ? 1 : bytes);
    if (*out == nullptr) return cudaErrorMemoryAllocation;
    std::memset(*out, 0xFF, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaFree(void* memory) {
    std::free(memory);
    return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

// Memory of the host, and streams in which everything has happened by the time the call returns.
inline cudaError_t cudaMallocHost(void** out, std::size_t bytes) { return cudaMalloc(out, bytes); }
inline cudaError_t cudaFreeHost(void* memory) { return cudaFree(memory); }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned) { return cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t*, unsigned) { return cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
