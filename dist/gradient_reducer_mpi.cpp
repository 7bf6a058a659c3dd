#include "dist/collectives.hpp"
#include "dist/gradient_reducer.hpp"
#include "dist/timer.hpp"

namespace lapatlas {

namespace {

class MpiGradientReducer : public GradientReducer {
  public:
    MpiGradientReducer(const Communicator& comm, std::vector<std::int64_t> sizes, std::int64_t bucket_bytes)
        : comm_(OwnedCommunicator::duplicate(comm)) {
        std::int64_t total = 0;
        for (const std::int64_t size : sizes) {
            const bool full =
                buckets_.empty() ||
                (total - buckets_.back().first) * static_cast<std::int64_t>(sizeof(float)) >= bucket_bytes;
            if (full) buckets_.push_back({total, 0, 0, 0, MPI_REQUEST_NULL});
            slots_.push_back({total, size, buckets_.size() - 1, false});
            ++buckets_.back().slots;
            total += size;
            buckets_.back().size = total - buckets_.back().first;
        }
        values_.resize(static_cast<std::size_t>(total));
    }
    ~MpiGradientReducer() override {
        for (Bucket& bucket : buckets_)
            if (bucket.request != MPI_REQUEST_NULL) MPI_Wait(&bucket.request, MPI_STATUS_IGNORE);
    }

    std::span<float> slot(std::size_t index) override {
        const Slot& slot = slots_.at(index);
        return {values_.data() + slot.first, static_cast<std::size_t>(slot.size)};
    }

    void mark_ready(std::size_t index) override {
        Slot& slot = slots_.at(index);
        ensure(!slot.ready, "a gradient is made once a step");
        slot.ready = true;
        Bucket& bucket = buckets_[slot.bucket];
        if (++bucket.ready < bucket.slots) return;
        check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values_.data() + bucket.first, mpi_count(bucket.size),
                                 MPI_FLOAT, MPI_SUM, comm_.view().handle(), &bucket.request),
                  "MPI_Iallreduce");
        // Open MPI moves nothing while nobody calls it: each finished gradient pushes the earlier buckets on.
        for (Bucket& earlier : buckets_) {
            int done = 0;
            if (earlier.request != MPI_REQUEST_NULL) MPI_Test(&earlier.request, &done, MPI_STATUS_IGNORE);
        }
    }

    void finish() override {
        const Timer timer;
        for (const Slot& slot : slots_) ensure(slot.ready, "every parameter gets a gradient in every step");
        for (Bucket& bucket : buckets_) {
            check_mpi(MPI_Wait(&bucket.request, MPI_STATUS_IGNORE), "MPI_Wait");
            bucket.ready = 0;
        }
        for (Slot& slot : slots_) slot.ready = false;
        exposed_seconds_ += timer.seconds();
    }

    double exposed_seconds() const override { return exposed_seconds_; }

  private:
    struct Slot {
        std::int64_t first, size;
        std::size_t bucket;
        bool ready;
    };
    struct Bucket {
        std::int64_t first, size;
        int slots, ready;
        MPI_Request request;
    };
    OwnedCommunicator comm_;
    std::vector<Slot> slots_;
    std::vector<Bucket> buckets_;
    std::vector<float> values_;
    double exposed_seconds_ = 0;
};

}  // namespace

std::unique_ptr<GradientReducer> make_mpi_gradient_reducer(const Communicator& comm,
                                                           std::vector<std::int64_t> sizes,
                                                           std::int64_t bucket_bytes) {
    return std::make_unique<MpiGradientReducer>(comm, std::move(sizes), bucket_bytes);
}

}  // namespace lapatlas
