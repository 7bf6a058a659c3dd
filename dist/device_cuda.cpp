#include <cuda_runtime_api.h>

#include <algorithm>

#include "dist/device.hpp"
#include "dist/error.hpp"

namespace lapatlas {

GpuSurvey survey_gpus() {
    GpuSurvey survey;
    // Without a driver the call leaves its argument as it was.
    int count = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result != cudaSuccess || count == 0) {
        int driver = 0;
        cudaDriverGetVersion(&driver);
        survey.why_none = driver == 0             ? "no NVIDIA driver on this machine"
                          : result == cudaSuccess ? "no device"
                                                  : cudaGetErrorString(result);
        // Else the next check of some other call would report it.
        cudaGetLastError();
        return survey;
    }
    for (int gpu = 0; gpu < count; ++gpu) {
        int major = 0, minor = 0;
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, gpu);
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, gpu);
        if (major >= 8) continue;
        survey.why_none = "GPU " + std::to_string(gpu) + " has compute capability " + std::to_string(major) +
                          "." + std::to_string(minor) + ", 8.0 is wanted; CUDA_VISIBLE_DEVICES can hide it";
        return survey;
    }
    survey.count = count;
    return survey;
}

void open_gpu(Device& device) {
    const auto check = [&](cudaError_t result) {
        if (result != cudaSuccess)
            throw CudaError("GPU " + std::to_string(device.gpu) + ": " + cudaGetErrorString(result));
    };
    cudaDeviceProp properties{};
    std::size_t free_bytes = 0, total_bytes = 0;
    check(cudaGetDeviceProperties(&properties, device.gpu));
    check(cudaSetDevice(device.gpu));
    check(cudaMemGetInfo(&free_bytes, &total_bytes));
    device.name = properties.name;
    std::copy_n(properties.uuid.bytes, device.uuid.size(), device.uuid.begin());
    device.total_bytes = static_cast<std::int64_t>(total_bytes);
    device.free_bytes = static_cast<std::int64_t>(free_bytes);
}

}  // namespace lapatlas
