#include "dist/activity.hpp"
#include "dist/collectives.hpp"
#include "dist/gradient_buckets.hpp"
#include "dist/gradient_reducer.hpp"
#include "dist/timer.hpp"

namespace lapatlas {

namespace {

class MpiGradientReducer : public GradientReducer {
  public:
    MpiGradientReducer(const Communicator& comm, std::span<const std::int64_t> sizes,
                       std::int64_t bucket_bytes)
        : comm_(OwnedCommunicator::duplicate(comm)),
          buckets_(sizes, bucket_bytes),
          requests_(buckets_.buckets().size(), MPI_REQUEST_NULL),
          values_(static_cast<std::size_t>(buckets_.num_values())) {}
    ~MpiGradientReducer() override {
        for (MPI_Request& request : requests_)
            if (request != MPI_REQUEST_NULL) MPI_Wait(&request, MPI_STATUS_IGNORE);
    }

    std::span<float> slot(std::size_t index) override { return buckets_.slot(values_.data(), index); }

    void mark_ready(std::size_t index) override {
        const auto complete = buckets_.mark_ready(index);
        if (!complete) return;
        const GradientBuckets::Bucket& bucket = buckets_.buckets()[*complete];
        check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values_.data() + bucket.first, mpi_count(bucket.size),
                                 MPI_FLOAT, MPI_SUM, comm_.view().handle(), &requests_[*complete]),
                  "MPI_Iallreduce");
        // Open MPI moves nothing while nobody calls it: each finished gradient pushes the earlier buckets on.
        for (MPI_Request& request : requests_) {
            int done = 0;
            if (request != MPI_REQUEST_NULL) MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        }
    }

    void finish() override {
        const Activity::Waiting waiting("all-reduce of gradients");
        const Timer timer;
        buckets_.end_step();
        for (MPI_Request& request : requests_) check_mpi(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
        exposed_seconds_ += timer.seconds();
    }

    double exposed_seconds() const override { return exposed_seconds_; }

  private:
    OwnedCommunicator comm_;
    GradientBuckets buckets_;
    std::vector<MPI_Request> requests_;  // of each bucket
    std::vector<float> values_;
    double exposed_seconds_ = 0;
};

}  // namespace

std::unique_ptr<GradientReducer> make_mpi_gradient_reducer(const Communicator& comm,
                                                           std::vector<std::int64_t> sizes,
                                                           std::int64_t bucket_bytes) {
    return std::make_unique<MpiGradientReducer>(comm, sizes, bucket_bytes);
}

}  // namespace lapatlas
