#pragma once

#include <vector>

#include "dist/cuda_handles.cuh"

namespace lapatlas {

/// A DeviceBuffer for tests of kernels, filled from and copied to vectors (in ordinary memory where kernels
/// run on the host).
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(std::size_t size)
        : values_(static_cast<std::int64_t>(size)), size_(static_cast<std::int64_t>(size)) {}
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        copy_async(values_.data(), values.data(), size_, nullptr);
        // Kernels may run on streams that do not wait for this one.
        check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    }

    T* data() { return values_.data(); }
    std::vector<T> copied() const {
        std::vector<T> values(static_cast<std::size_t>(size_));
        copy_async(values.data(), values_.data(), size_, nullptr);
        check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
        return values;
    }

  private:
    DeviceBuffer<T> values_;
    std::int64_t size_;
};

}  // namespace lapatlas
