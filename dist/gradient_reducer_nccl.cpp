#include <cmath>

#include "dist/gradient_buckets.hpp"
#include "dist/gradient_reducer_cuda.cuh"

namespace lapatlas {

namespace {

class NcclGradientReducer : public GradientReducer {
  public:
    NcclGradientReducer(NcclCommunicator& nccl, std::span<const std::int64_t> sizes, cudaStream_t compute,
                        std::int64_t bucket_bytes)
        : nccl_(nccl), compute_(compute), buckets_(sizes, bucket_bytes), values_(buckets_.num_values()) {}

    std::span<float> slot(std::size_t index) override { return buckets_.slot(values_.data(), index); }

    void mark_ready(std::size_t index) override {
        const auto complete = buckets_.mark_ready(index);
        if (!complete) return;
        const GradientBuckets::Bucket& bucket = buckets_.buckets()[*complete];
        made_.record(compute_);
        made_.hold(travel_.get());
        float* values = values_.data() + bucket.first;
        nccl_.check(ncclAllReduce(values, values, static_cast<std::size_t>(bucket.size), ncclFloat, ncclSum,
                                  nccl_.handle(), travel_.get()),
                    "ncclAllReduce (gradients)");
    }

    void finish() override {
        buckets_.end_step();
        summed_.record(travel_.get());
        summed_.hold(compute_);
        nccl_.wait(summed_, "ncclAllReduce (gradients)");
    }

    // The host waits here for all of the step, and knows no part of it from another.
    double exposed_seconds() const override { return std::nan(""); }

  private:
    NcclCommunicator& nccl_;
    cudaStream_t compute_;
    CudaStream travel_;
    CudaEvent made_, summed_;
    GradientBuckets buckets_;
    DeviceBuffer<float> values_;
};

}  // namespace

std::unique_ptr<GradientReducer> make_nccl_gradient_reducer(NcclCommunicator& nccl,
                                                            std::vector<std::int64_t> sizes,
                                                            cudaStream_t compute, std::int64_t bucket_bytes) {
    return std::make_unique<NcclGradientReducer>(nccl, sizes, compute, bucket_bytes);
}

}  // namespace lapatlas
