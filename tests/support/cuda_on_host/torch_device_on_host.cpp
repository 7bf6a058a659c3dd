// LibTorch's GPU where kernels run on the host: its tensors are the host's.
#include "src/backend/torch_device.hpp"

namespace lapatlas {

torch::Device use_gpu(int) { return torch::kCPU; }
CUstream_st* stream_of(const torch::Device&) { return nullptr; }

}  // namespace lapatlas
