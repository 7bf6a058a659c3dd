#include <cuda_runtime_api.h>

#include "dist/device.hpp"

namespace lapatlas {

GpuSurvey survey_gpus() {
    GpuSurvey survey;
    // Without a driver the call leaves its argument as it was.
    int count = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result != cudaSuccess || count == 0) {
        survey.why_none = result == cudaSuccess ? "no device" : cudaGetErrorString(result);
        // Else the next check of some other call would report it.
        cudaGetLastError();
        return survey;
    }
    for (int gpu = 0; gpu < count; ++gpu) {
        cudaDeviceProp properties{};
        std::size_t free_bytes = 0, total_bytes = 0;
        if (cudaGetDeviceProperties(&properties, gpu) != cudaSuccess || cudaSetDevice(gpu) != cudaSuccess ||
            cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess) {
            survey.gpus.clear();
            survey.why_none = "GPU " + std::to_string(gpu) + ": " + cudaGetErrorString(cudaGetLastError());
            return survey;
        }
        survey.gpus.push_back(
            {properties.name, static_cast<std::int64_t>(total_bytes), static_cast<std::int64_t>(free_bytes)});
    }
    return survey;
}

}  // namespace lapatlas
