#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dist/activity.hpp"
#include "dist/collectives.hpp"
#include "dist/exchange_plan.hpp"
#include "dist/timer.hpp"

namespace lapatlas {

/// What halo exchanges cost this rank so far.
struct HaloStatistics {
    std::int64_t exchanges = 0;
    std::int64_t sent_bytes = 0;
    double exposed_seconds = 0;  ///< waited for messages with nothing left to compute
};

/// Fills the ghost rows of a row-major matrix [num_owned + num_ghosts, width] whose owned rows come first.
/// start() packs and posts, finish() waits; between them the owned rows must not change and the ghost rows
/// must not be read. Hang hazard: every rank of the communicator must call start and finish the same number
/// of times. `Buffer` holds the packed rows: resize, size and data of a vector.
template <class T, class Buffer = std::vector<T>>
class HaloExchange {
  public:
    /// Views `comm` and `plan`: both must outlive this object.
    HaloExchange(const Communicator& comm, const ExchangePlan& plan, HaloStatistics* statistics = nullptr)
        : comm_(comm), plan_(plan), statistics_(statistics) {}
    ~HaloExchange() {
        // Unwinding between start and finish: the buffers must outlive the requests.
        if (!requests_.empty())
            MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    }
    HaloExchange(const HaloExchange&) = delete;
    HaloExchange& operator=(const HaloExchange&) = delete;

    /// Collective over neighbours.
    void start(T* rows, std::int64_t num_owned, std::int64_t width) {
        const MPI_Datatype type = mpi_arithmetic_type<T>();
        T* ghosts = rows + num_owned * width;
        for (std::size_t s = 0; s < plan_.receive_ranks.size(); ++s) {
            const std::int64_t first = plan_.receive_offsets[s];
            MPI_Request& request = requests_.emplace_back();
            check_mpi(
                MPI_Irecv(ghosts + first * width, mpi_count((plan_.receive_offsets[s + 1] - first) * width),
                          type, plan_.receive_ranks[s], kTag, comm_.handle(), &request),
                "MPI_Irecv");
        }
        packed_.resize(plan_.send_rows.size() * static_cast<std::size_t>(width));
        for (std::size_t i = 0; i < plan_.send_rows.size(); ++i)
            std::copy_n(rows + plan_.send_rows[i] * width, width,
                        packed_.data() + static_cast<std::int64_t>(i) * width);
        for (std::size_t s = 0; s < plan_.send_ranks.size(); ++s) {
            const std::int64_t first = plan_.send_offsets[s];
            MPI_Request& request = requests_.emplace_back();
            check_mpi(MPI_Isend(packed_.data() + first * width,
                                mpi_count((plan_.send_offsets[s + 1] - first) * width), type,
                                plan_.send_ranks[s], kTag, comm_.handle(), &request),
                      "MPI_Isend");
        }
        if (statistics_ != nullptr) {
            ++statistics_->exchanges;
            statistics_->sent_bytes += static_cast<std::int64_t>(packed_.size() * sizeof(T));
        }
    }

    /// Lets MPI make progress: Open MPI moves nothing while nobody calls it.
    void poll() {
        int done = 0;
        if (!requests_.empty())
            MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
        if (done != 0) requests_.clear();
    }

    void finish() {
        const Activity::Waiting waiting("halo exchange");
        const Timer timer;
        const std::size_t num_receives = plan_.receive_ranks.size();
        double before = 0;
        for (std::size_t done = 0; done < requests_.size(); ++done) {
            int index = 0;
            check_mpi(
                MPI_Waitany(static_cast<int>(requests_.size()), requests_.data(), &index, MPI_STATUS_IGNORE),
                "MPI_Waitany");
            const auto i = static_cast<std::size_t>(index);
            const double now = timer.seconds();
            Activity::add_waited_for(
                i < num_receives ? plan_.receive_ranks[i] : plan_.send_ranks[i - num_receives], now - before);
            before = now;
        }
        requests_.clear();
        if (statistics_ != nullptr) statistics_->exposed_seconds += timer.seconds();
    }

    void exchange(T* rows, std::int64_t num_owned, std::int64_t width) {
        start(rows, num_owned, width);
        finish();
    }

  private:
    static constexpr int kTag = 101;
    Communicator comm_;
    const ExchangePlan& plan_;
    HaloStatistics* statistics_;
    Buffer packed_;
    std::vector<MPI_Request> requests_;
};

}  // namespace lapatlas
