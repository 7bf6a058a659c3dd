#pragma once

#include <cstdint>
#include <utility>

#include "dist/kernel_launch.cuh"

namespace lapatlas {

/// Owns a stream that does not wait for the default one. Destroyed at its own time: what is enqueued still
/// runs.
class CudaStream {
  public:
    CudaStream() {
        check_cuda(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "cudaStreamCreate");
    }
    CudaStream(CudaStream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    CudaStream& operator=(CudaStream&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~CudaStream() {
        if (handle_ != nullptr) cudaStreamDestroy(handle_);
    }
    cudaStream_t get() const { return handle_; }

  private:
    cudaStream_t handle_ = nullptr;
};

/// Owns an event: a place in a stream that others can wait for.
class CudaEvent {
  public:
    CudaEvent() { check_cuda(cudaEventCreateWithFlags(&handle_, cudaEventDisableTiming), "cudaEventCreate"); }
    CudaEvent(CudaEvent&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    CudaEvent& operator=(CudaEvent&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~CudaEvent() {
        if (handle_ != nullptr) cudaEventDestroy(handle_);
    }
    /// At what `stream` has been given so far.
    void record(cudaStream_t stream) { check_cuda(cudaEventRecord(handle_, stream), "cudaEventRecord"); }
    /// Lets `stream` go on only when the event has happened; the host does not wait.
    void hold(cudaStream_t stream) const {
        check_cuda(cudaStreamWaitEvent(stream, handle_, 0), "cudaStreamWaitEvent");
    }
    bool has_happened() const {
        const cudaError_t result = cudaEventQuery(handle_);
        if (result == cudaErrorNotReady)
            cudaGetLastError();  // else LibTorch might take it for an error of its own
        else
            check_cuda(result, "cudaEventQuery");
        return result == cudaSuccess;
    }
    void wait() const { check_cuda(cudaEventSynchronize(handle_), "cudaEventSynchronize"); }

  private:
    cudaEvent_t handle_ = nullptr;
};

enum class MemoryKind { kDevice, kPinnedHost };

/// Owns memory of the GPU, or of the host such that copies to and from the GPU run beside the host.
template <class T, MemoryKind kKind>
class CudaBuffer {
  public:
    CudaBuffer() = default;
    explicit CudaBuffer(std::int64_t size) { resize(size); }
    CudaBuffer(CudaBuffer&& other) noexcept
        : values_(std::exchange(other.values_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    CudaBuffer& operator=(CudaBuffer&& other) noexcept {
        std::swap(values_, other.values_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~CudaBuffer() {
        if (kKind == MemoryKind::kDevice)
            cudaFree(values_);
        else
            cudaFreeHost(values_);
    }
    /// Room for `size` values; what was there is lost where it grows. Nothing may be using it.
    void resize(std::int64_t size) {
        if (size <= size_) return;
        *this = CudaBuffer();
        const auto bytes = static_cast<std::size_t>(size) * sizeof(T);
        void* memory = nullptr;
        if (kKind == MemoryKind::kDevice)
            check_cuda(cudaMalloc(&memory, bytes), "cudaMalloc");
        else
            check_cuda(cudaMallocHost(&memory, bytes), "cudaMallocHost");
        values_ = static_cast<T*>(memory);
        size_ = size;
    }
    T* data() const { return values_; }

  private:
    T* values_ = nullptr;
    std::int64_t size_ = 0;
};
template <class T>
using DeviceBuffer = CudaBuffer<T, MemoryKind::kDevice>;
template <class T>
using PinnedBuffer = CudaBuffer<T, MemoryKind::kPinnedHost>;

template <class T>
void copy_async(T* to, const T* from, std::int64_t count, cudaStream_t stream) {
    if (count > 0)
        check_cuda(
            cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDefault, stream),
            "cudaMemcpyAsync");
}

}  // namespace lapatlas
