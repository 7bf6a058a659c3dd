#pragma once

#include <cuda_runtime.h>

#include <vector>

#include "dist/kernel_launch.cuh"

namespace lapatlas {

/// An array in GPU memory for tests of kernels (in ordinary memory where they run on the host).
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(std::size_t size) : size_(size) {
        check_cuda(cudaMalloc(reinterpret_cast<void**>(&values_), size * sizeof(T)), "cudaMalloc");
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        check_cuda(
            cudaMemcpyAsync(values_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice, nullptr),
            "cudaMemcpyAsync");
        // Kernels may run on streams that do not wait for this one.
        check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    }
    ~DeviceArray() { cudaFree(values_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() { return values_; }
    std::vector<T> copied() const {
        std::vector<T> values(size_);
        check_cuda(
            cudaMemcpyAsync(values.data(), values_, size_ * sizeof(T), cudaMemcpyDeviceToHost, nullptr),
            "cudaMemcpyAsync");
        check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
        return values;
    }

  private:
    T* values_ = nullptr;
    std::size_t size_;
};

}  // namespace lapatlas
