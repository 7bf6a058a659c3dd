#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>
#include <utility>

#include "src/backend/torch_device.hpp"

namespace lapatlas {

namespace {

class Recording {
  public:
    Recording(TensorFunction function, const torch::Device& device)
        : function_(std::move(function)), device_(device) {}

    torch::Tensor operator()(const std::vector<torch::Tensor>& inputs) {
        if (output_.defined())
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                if (inputs[i].defined()) inputs_[i].copy_(inputs[i]);
            }
        else
            record(inputs);
        graph_.replay();
        return output_.clone();
    }

  private:
    void record(const std::vector<torch::Tensor>& inputs) {
        inputs_.clear();
        for (const torch::Tensor& input : inputs) inputs_.push_back(input.defined() ? input.clone() : input);
        c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
        // The default stream cannot be recorded.
        const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, device_.index());
        const c10::cuda::CUDAStreamGuard on_stream(stream);
        // What libraries set up at their first use cannot be recorded either.
        function_(inputs_);
        stream.synchronize();
        // Another thread may meanwhile write the last block: what it does is not part of the record.
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
        torch::Tensor output = function_(inputs_);
        graph_.capture_end();
        stream.synchronize();
        output_ = output;
    }

    TensorFunction function_;
    torch::Device device_;
    std::vector<torch::Tensor> inputs_;
    at::cuda::CUDAGraph graph_;
    torch::Tensor output_;
};

}  // namespace

torch::Device use_gpu(int gpu) {
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(gpu));
    return {torch::kCUDA, static_cast<c10::DeviceIndex>(gpu)};
}

CUstream_st* stream_of(const torch::Device& device) {
    return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

void release_cached_memory() { c10::cuda::CUDACachingAllocator::emptyCache(); }

TensorFunction recorded(const TensorFunction& function, const torch::Device& device) {
    return [recording = std::make_shared<Recording>(function, device)](
               const std::vector<torch::Tensor>& inputs) { return (*recording)(inputs); };
}

}  // namespace lapatlas
