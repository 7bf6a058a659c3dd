#include <exception>
#include <utility>

#include "dist/collectives.hpp"
#include "dist/gradient_buckets.hpp"
#include "dist/gradient_reducer_cuda.cuh"
#include "dist/timer.hpp"

namespace lapatlas {

namespace {

class StagedGradientReducer : public GradientReducer {
  public:
    StagedGradientReducer(const Communicator& comm, std::span<const std::int64_t> sizes, cudaStream_t compute,
                          std::int64_t bucket_bytes)
        : comm_(OwnedCommunicator::duplicate(comm)),
          compute_(compute),
          buckets_(sizes, bucket_bytes),
          copied_(buckets_.buckets().size()),
          requests_(buckets_.buckets().size(), MPI_REQUEST_NULL),
          values_(buckets_.num_values()),
          on_host_(buckets_.num_values()) {}
    ~StagedGradientReducer() override {
        if (std::uncaught_exceptions() > 0) {
            // Which sums a rank has begun depends on its clock: the others' may never come.
            new PinnedBuffer<float>(std::move(on_host_));
            return;
        }
        MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    }

    std::span<float> slot(std::size_t index) override { return buckets_.slot(values_.data(), index); }

    void mark_ready(std::size_t index) override {
        const auto complete = buckets_.mark_ready(index);
        if (!complete) return;
        const GradientBuckets::Bucket& bucket = buckets_.buckets()[*complete];
        made_.record(compute_);
        made_.hold(travel_.get());
        copy_async(on_host_.data() + bucket.first, values_.data() + bucket.first, bucket.size, travel_.get());
        copied_[*complete].record(travel_.get());
        on_their_way_.push_back(*complete);
        // All ranks complete buckets in one order, so the first of those copied is everywhere the next to be
        // summed.
        while (summing_ < on_their_way_.size() && copied_[on_their_way_[summing_]].has_happened()) sum_next();
        for (MPI_Request& request : requests_) {
            int done = 0;
            if (request != MPI_REQUEST_NULL) MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        }
    }

    void finish() override {
        const Timer timer;
        buckets_.end_step();
        while (summing_ < on_their_way_.size()) {
            copied_[on_their_way_[summing_]].wait();
            sum_next();
        }
        for (const std::size_t b : on_their_way_) {
            check_mpi(MPI_Wait(&requests_[b], MPI_STATUS_IGNORE), "MPI_Wait");
            const GradientBuckets::Bucket& bucket = buckets_.buckets()[b];
            copy_async(values_.data() + bucket.first, on_host_.data() + bucket.first, bucket.size,
                       travel_.get());
        }
        on_their_way_.clear();
        summing_ = 0;
        made_.record(travel_.get());
        made_.hold(compute_);
        // The next step's copies come into the same memory of the host.
        made_.wait();
        exposed_seconds_ += timer.seconds();
    }

    double exposed_seconds() const override { return exposed_seconds_; }

  private:
    void sum_next() {
        const std::size_t b = on_their_way_[summing_++];
        const GradientBuckets::Bucket& bucket = buckets_.buckets()[b];
        check_mpi(MPI_Iallreduce(MPI_IN_PLACE, on_host_.data() + bucket.first, mpi_count(bucket.size),
                                 MPI_FLOAT, MPI_SUM, comm_.view().handle(), &requests_[b]),
                  "MPI_Iallreduce");
    }

    OwnedCommunicator comm_;
    cudaStream_t compute_;
    CudaStream travel_;
    CudaEvent made_;
    GradientBuckets buckets_;
    std::vector<CudaEvent> copied_;          // of each bucket, from the GPU
    std::vector<MPI_Request> requests_;      // of each bucket
    std::vector<std::size_t> on_their_way_;  // buckets of this step, in the order of completion
    std::size_t summing_ = 0;                // of those, how many have been given to MPI
    DeviceBuffer<float> values_;
    PinnedBuffer<float> on_host_;
    double exposed_seconds_ = 0;
};

}  // namespace

std::unique_ptr<GradientReducer> make_staged_gradient_reducer(const Communicator& comm,
                                                              std::vector<std::int64_t> sizes,
                                                              cudaStream_t compute,
                                                              std::int64_t bucket_bytes) {
    return std::make_unique<StagedGradientReducer>(comm, sizes, compute, bucket_bytes);
}

}  // namespace lapatlas
