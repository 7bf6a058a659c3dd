#include "tests/bench/scaling/skeleton.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "dist/collectives.hpp"
#include "dist/gradient_reducer.hpp"
#include "dist/halo_exchange.hpp"
#include "dist/timer.hpp"
#ifdef LAPATLAS_SMPI
#include <smpi/smpi.h>

#include "dist/gradient_buckets.hpp"
#endif

namespace lapatlas::bench {

namespace {

double now() { return MPI_Wtime(); }

#ifdef LAPATLAS_SMPI
/// Memory of any size in one small physical block: what is written to it is lost, and nobody asks.
template <class T>
class Buffer {
  public:
    Buffer() = default;
    ~Buffer() { release(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    void resize(std::size_t size) {
        if (size <= capacity_) {
            size_ = size;
            return;
        }
        release();
        data_ = static_cast<T*>(SMPI_SHARED_MALLOC(size * sizeof(T)));
        size_ = capacity_ = size;
    }
    T* data() { return data_; }
    std::size_t size() const { return size_; }

  private:
    void release() {
        if (data_ != nullptr) SMPI_SHARED_FREE(data_);
        data_ = nullptr;
    }
    T* data_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
};

void compute(double seconds) {
    if (seconds > 0) smpi_execute(seconds);
}

class Gradients {
  public:
    Gradients(const Communicator& comm, const std::vector<std::int64_t>& sizes, std::int64_t thin)
        : comm_(comm), buckets_(thinned(sizes, thin), kBucketBytes / thin) {
        values_.resize(static_cast<std::size_t>(buckets_.num_values()));
    }
    void ready(std::size_t index) { buckets_.mark_ready(index); }
    void finish() {
        const double start = now();
        buckets_.end_step();
        for (const GradientBuckets::Bucket& bucket : buckets_.buckets())
            check_mpi(MPI_Allreduce(MPI_IN_PLACE, values_.data() + bucket.first, mpi_count(bucket.size),
                                    MPI_FLOAT, MPI_SUM, comm_.handle()),
                      "MPI_Allreduce");
        waited_ += now() - start;
    }
    double waited() const { return waited_; }

  private:
    static std::vector<std::int64_t> thinned(std::vector<std::int64_t> sizes, std::int64_t thin) {
        for (std::int64_t& size : sizes) size = std::max<std::int64_t>(1, size / thin);
        return sizes;
    }
    static constexpr std::int64_t kBucketBytes = 4 << 20;  // make_mpi_gradient_reducer's
    Communicator comm_;
    GradientBuckets buckets_;
    Buffer<float> values_;
    double waited_ = 0;
};
#else
template <class T>
using Buffer = std::vector<T>;

void compute(double seconds) {
    for (const Timer timer; timer.seconds() < seconds;) {
    }
}

class Gradients {
  public:
    Gradients(const Communicator& comm, const std::vector<std::int64_t>& sizes, std::int64_t /*thin*/)
        : reducer_(make_mpi_gradient_reducer(comm, sizes)) {}
    void ready(std::size_t index) { reducer_->mark_ready(index); }
    void finish() { reducer_->finish(); }
    double waited() const { return reducer_->exposed_seconds(); }

  private:
    std::unique_ptr<GradientReducer> reducer_;
};
#endif

/// Which rows are sent does not matter to anybody, only how many.
ExchangePlan plan_of(const StudyPoint& point, int rank, std::int64_t thin) {
    const auto thinned = [thin](std::int64_t rows) { return (rows + thin - 1) / thin; };
    ExchangePlan plan;
    const RankLoad& mine = point.loads[static_cast<std::size_t>(rank)];
    const auto owned = std::max<std::int64_t>(1, static_cast<std::int64_t>(mine.rows));
    for (const auto& [to, rows] : mine.sends) {
        for (std::int64_t i = 0; i < thinned(rows); ++i)
            plan.send_rows.push_back(static_cast<std::int32_t>(i % owned));
        plan.send_ranks.push_back(to);
        plan.send_offsets.push_back(static_cast<std::int64_t>(plan.send_rows.size()));
    }
    for (int from = 0; from < point.ranks(); ++from)
        for (const auto& [to, rows] : point.loads[static_cast<std::size_t>(from)].sends) {
            if (to != rank) continue;
            plan.receive_ranks.push_back(from);
            plan.receive_offsets.push_back(plan.receive_offsets.back() + thinned(rows));
        }
    return plan;
}

class Skeleton {
  public:
    Skeleton(const Communicator& comm, const StudyPoint& point, const SkeletonOptions& options)
        : comm_(comm),
          point_(point),
          options_(options),
          load_(point.loads[static_cast<std::size_t>(comm.rank())]),
          plan_(plan_of(point, comm.rank(), options.thin)),
          rows_between_nodes_(count_rows_between_nodes()),
          gradients_(comm, point.gradients, options.thin),
          floats_(comm, plan_, &statistics_),
          doubles_(comm, plan_) {}

    void step() {
        for (const Operation& operation : point_.step) perform(operation);
    }
    const HaloStatistics& halo() const { return statistics_; }
    double halo_waited() const { return halo_waited_; }
    double reduce_waited() const { return gradients_.waited(); }
    double worked() const { return worked_; }
    std::int64_t neighbours() const { return static_cast<std::int64_t>(plan_.send_ranks.size()); }
    std::int64_t ghosts() const { return plan_.num_ghosts(); }

  private:
    void work_for(double seconds) {
        compute(seconds);
        worked_ += seconds;
    }
    void work(const Cost& cost) { work_for(cost.seconds(load_)); }
    /// Rows sent to and had from other nodes in an exchange.
    double count_rows_between_nodes() const {
        double rows = 0;
        const auto add = [&](const std::vector<int>& ranks, const std::vector<std::int64_t>& offsets) {
            for (std::size_t i = 0; i < ranks.size(); ++i)
                if (ranks[i] / options_.ranks_a_node != comm_.rank() / options_.ranks_a_node)
                    rows += static_cast<double>((offsets[i + 1] - offsets[i]) * options_.thin);
        };
        add(plan_.send_ranks, plan_.send_offsets);
        add(plan_.receive_ranks, plan_.receive_offsets);
        return rows;
    }
    /// Of all gradients' sums, if nodes are summed over as a ring, once a node.
    double gradient_bytes_between_nodes() const {
        const double nodes = std::ceil(static_cast<double>(point_.ranks()) / options_.ranks_a_node);
        return 4.0 * (nodes - 1) / nodes * sizeof(float) *
               static_cast<double>(
                   std::accumulate(point_.gradients.begin(), point_.gradients.end(), std::int64_t{0})) /
               options_.ranks_a_node;
    }
    template <class T>
    void exchange(HaloExchange<T, Buffer<T>>& halo, Buffer<T>& rows, const Operation& operation) {
        rows.resize(static_cast<std::size_t>(
            (static_cast<std::int64_t>(load_.rows) + plan_.num_ghosts() + 1) * operation.width));
        halo.start(rows.data(), static_cast<std::int64_t>(load_.rows), operation.width);
        // As the product does: in pieces, so that MPI gets its turns.
        constexpr int kPieces = 16;
        for (const Cost* part : {&operation.meanwhile, &operation.work})
            for (int i = 0; i < kPieces; ++i) {
                work(part->times(1.0 / kPieces));
                halo.poll();
            }
        work_for(options_.seconds_a_byte * rows_between_nodes_ *
                 static_cast<double>(operation.width * operation.bytes));
        const double start = now();
        halo.finish();
        halo_waited_ += now() - start;
        work(operation.after);
    }
    void perform(const Operation& operation) {
        switch (operation.kind) {
            case Operation::Kind::kCompute:
                return work(operation.work);
            case Operation::Kind::kHalo:
                if (operation.bytes == sizeof(double)) return exchange(doubles_, double_rows_, operation);
                return exchange(floats_, float_rows_, operation);
            case Operation::Kind::kReady:
                for (std::int64_t g = operation.first; g < operation.last; ++g)
                    gradients_.ready(static_cast<std::size_t>(g));
                return;
            case Operation::Kind::kFinish:
                work_for(options_.seconds_a_byte * gradient_bytes_between_nodes());
                return gradients_.finish();
            case Operation::Kind::kAllReduce: {
                std::vector<double> values(static_cast<std::size_t>(operation.width), 1);
                return all_reduce_sum(comm_, std::span<double>(values));
            }
        }
    }

    Communicator comm_;
    const StudyPoint& point_;
    SkeletonOptions options_;
    const RankLoad& load_;
    ExchangePlan plan_;
    double rows_between_nodes_;
    HaloStatistics statistics_;
    Gradients gradients_;
    HaloExchange<float, Buffer<float>> floats_;
    HaloExchange<double, Buffer<double>> doubles_;
    Buffer<float> float_rows_;
    Buffer<double> double_rows_;
    double halo_waited_ = 0, worked_ = 0;
};

}  // namespace

StepFigures run_skeleton(const Communicator& comm, const StudyPoint& point, int steps,
                         const SkeletonOptions& options) {
    if (comm.size() != point.ranks())
        throw InputError("the study point is of " + std::to_string(point.ranks()) + " ranks, not of " +
                         std::to_string(comm.size()));
    Skeleton skeleton(comm, point, options);
    std::vector<double> seconds;
    for (int step = 0; step < steps; ++step) {
        barrier(comm);
        const double start = now();
        skeleton.step();
        seconds.push_back(all_reduce_max(comm, now() - start));
    }
    std::sort(seconds.begin(), seconds.end());
    const double count = steps, ranks = comm.size();
    const HaloStatistics& halo = skeleton.halo();
    StepFigures figures;
    figures.ranks = comm.size();
    figures.cells = point.cells;
    figures.seconds = seconds[seconds.size() / 2];
    figures.halo_wait = all_reduce_sum(comm, skeleton.halo_waited()) / ranks / count;
    figures.reduce_wait = all_reduce_sum(comm, skeleton.reduce_waited()) / ranks / count;
    const auto thin = static_cast<double>(options.thin);
    figures.halo_bytes = thin * all_reduce_max(comm, static_cast<double>(halo.sent_bytes)) / count;
    figures.reduce_bytes = 4.0 * static_cast<double>(std::accumulate(point.gradients.begin(),
                                                                     point.gradients.end(), std::int64_t{0}));
    figures.exchanges = static_cast<double>(halo.exchanges) / count;
    figures.messages =
        all_reduce_max(comm, static_cast<double>(skeleton.neighbours() * halo.exchanges)) / count;
    figures.ghosts_mean = thin * all_reduce_sum(comm, static_cast<double>(skeleton.ghosts())) / ranks;
    figures.ghosts_max = thin * all_reduce_max(comm, static_cast<double>(skeleton.ghosts()));
    figures.work_mean = all_reduce_sum(comm, skeleton.worked()) / ranks / count;
    figures.work_max = all_reduce_max(comm, skeleton.worked()) / count;
    return figures;
}

}  // namespace lapatlas::bench
