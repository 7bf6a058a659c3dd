#include <cuda_runtime_api.h>

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
    device.total_bytes = static_cast<std::int64_t>(total_bytes);
    device.free_bytes = static_cast<std::int64_t>(free_bytes);
}

}  // namespace lapatlas
