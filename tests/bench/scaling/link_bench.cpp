// What a link between two ranks does, and what it takes of their cores: the parameters of simulate_ranks.sh.
#include <cstdio>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/timer.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/median.hpp"

namespace lapatlas::bench {

namespace {

class Link {
  public:
    Link(const Communicator& comm, int calls)
        : comm_(comm), partner_(comm.rank() ^ 1), calls_(calls), out_(kBytes, 'x'), in_(kBytes) {}

    /// Seconds from one rank to the other.
    double one_way(std::size_t bytes, int rounds) {
        std::vector<double> seconds;
        for (int call = 0; call < calls_; ++call) {
            barrier(comm_);
            const Timer timer;
            for (int i = 0; i < rounds; ++i) {
                if (comm_.rank() % 2 == 0) send(bytes);
                receive(bytes);
                if (comm_.rank() % 2 == 1) send(bytes);
            }
            seconds.push_back(timer.seconds() / rounds / 2);
        }
        return median(seconds);
    }

    /// Seconds of a core that a byte takes, sent or received, while both are busy otherwise: how much later
    /// work ends when `kBytes` travel both ways meanwhile and are asked for now and then, as in a training
    /// step.
    double core_seconds_a_byte(double bandwidth) {
        const int slices = static_cast<int>(6 * static_cast<double>(kBytes) / bandwidth / kSlice) + 50;
        std::vector<double> extra;
        for (int call = 0; call < calls_; ++call) {
            const double alone = busy(slices, false), beside = busy(slices, true);
            extra.push_back((beside - alone) / (2.0 * static_cast<double>(kBytes)));
        }
        return median(extra);
    }

    /// Whether a message arrives as it was sent.
    bool is_right() {
        for (std::size_t i = 0; i < kBytes; ++i)
            out_[i] = static_cast<char>(i * 7 + static_cast<std::size_t>(comm_.rank()));
        busy(1, true);
        for (std::size_t i = 0; i < kBytes; ++i)
            if (in_[i] != static_cast<char>(i * 7 + static_cast<std::size_t>(partner_))) return false;
        return true;
    }

    static constexpr std::size_t kBytes = 64 << 20;

  private:
    static constexpr double kSlice = 2e-3;

    void send(std::size_t bytes) {
        check_mpi(MPI_Send(out_.data(), static_cast<int>(bytes), MPI_CHAR, partner_, 0, comm_.handle()),
                  "MPI_Send");
    }
    void receive(std::size_t bytes) {
        check_mpi(MPI_Recv(in_.data(), static_cast<int>(bytes), MPI_CHAR, partner_, 0, comm_.handle(),
                           MPI_STATUS_IGNORE),
                  "MPI_Recv");
    }

    /// A fixed amount of work, about kSlice long.
    void work() {
        if (work_rounds_ == 0) {
            const Timer timer;
            for (; timer.seconds() < 0.2; ++work_rounds_) round_of_work();
            work_rounds_ = static_cast<std::int64_t>(static_cast<double>(work_rounds_) * kSlice / 0.2) + 1;
        }
        for (std::int64_t i = 0; i < work_rounds_; ++i) round_of_work();
    }
    void round_of_work() {
        for (int i = 0; i < 500; ++i) value_ = value_ * 1.0000001 + 1e-9;
    }

    double busy(int slices, bool with_messages) {
        work();
        barrier(comm_);
        const Timer timer;
        MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        if (with_messages) {
            check_mpi(MPI_Irecv(in_.data(), static_cast<int>(kBytes), MPI_CHAR, partner_, 1, comm_.handle(),
                                &requests[0]),
                      "MPI_Irecv");
            check_mpi(MPI_Isend(out_.data(), static_cast<int>(kBytes), MPI_CHAR, partner_, 1, comm_.handle(),
                                &requests[1]),
                      "MPI_Isend");
        }
        for (int i = 0; i < slices; ++i) {
            work();
            int done = 0;
            if (with_messages) MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
        }
        if (with_messages) MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
        return timer.seconds();
    }

    const Communicator& comm_;
    int partner_, calls_;
    std::vector<char> out_, in_;
    std::int64_t work_rounds_ = 0;
    volatile double value_ = 1;
};

}  // namespace

int link(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (comm.size() % 2 != 0 || arguments.size() > 1)
        throw ConfigError(
            "on an even number of ranks, each pair (0 and 1, 2 and 3) over a link: lapatlas-bench link "
            "[CALLS=7]");
    Link link(comm, arguments.empty() ? 7 : std::stoi(arguments[0]));
    if (all_reduce_min<std::int32_t>(comm, link.is_right() ? 1 : 0) == 0) {
        if (comm.is_root()) std::printf("a message arrived changed\n");
        return 1;
    }
    const double latency = all_reduce_max(comm, link.one_way(8, 200));
    const double bandwidth =
        static_cast<double>(Link::kBytes) / all_reduce_max(comm, link.one_way(Link::kBytes, 1));
    const double core = all_reduce_max(comm, link.core_seconds_a_byte(bandwidth));
    if (comm.is_root())
        std::printf(
            "latency %.3g s, bandwidth %.4g B/s, %.3g s of a core a byte sent or received beside work\n",
            latency, bandwidth, core);
    return 0;
}

}  // namespace lapatlas::bench
