#include "dist/gradient_buckets.hpp"
#include "dist/gradient_reducer_cuda.cuh"
#include "dist/timer.hpp"

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
        const Timer timer;
        buckets_.end_step();
        summed_.record(travel_.get());
        summed_.hold(compute_);
        nccl_.wait(summed_, "ncclAllReduce (gradients)");
        exposed_seconds_ += timer.seconds();
    }

    double exposed_seconds() const override { return exposed_seconds_; }

  private:
    NcclCommunicator& nccl_;
    cudaStream_t compute_;
    CudaStream travel_;
    CudaEvent made_, summed_;
    GradientBuckets buckets_;
    DeviceBuffer<float> values_;
    double exposed_seconds_ = 0;
};

}  // namespace

std::unique_ptr<GradientReducer> make_nccl_gradient_reducer(NcclCommunicator& nccl,
                                                            std::vector<std::int64_t> sizes,
                                                            cudaStream_t compute, std::int64_t bucket_bytes) {
    return std::make_unique<NcclGradientReducer>(nccl, sizes, compute, bucket_bytes);
}

}  // namespace lapatlas
