#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include "src/backend/torch_device.hpp"

namespace lapatlas {

torch::Device use_gpu(int gpu) {
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(gpu));
    return {torch::kCUDA, static_cast<c10::DeviceIndex>(gpu)};
}

CUstream_st* stream_of(const torch::Device& device) {
    return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

}  // namespace lapatlas
