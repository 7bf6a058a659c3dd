#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dist/communicator.hpp"
#include "dist/rank_watch.hpp"

namespace lapatlas {

/// Ranks tell one another that they live, each from a thread of its own, in datagrams (UDP) beside MPI, which
/// cannot say who died: all tell rank 0, and rank 0 tells all. Rank 0 ends the job when RankWatch says so; it
/// tells the others, and every process ends itself, so that none is left behind. Should rank 0 be the dead
/// one, the others do that. A rank's sudden death is seen within a second by its neighbour on the same
/// machine. Where datagrams do not get through, a warning says so and silence is not held against anyone.
class Heartbeat {
  public:
    struct Options {
        RankWatch::Options watch = {};
        /// Called on the watching thread of the rank that found out, with the line; then all processes end:
        /// with kStoppedExitCode, or with 1 where a rank has died, since what killed it may do so again. What
        /// the call does is not waited for longer than two seconds.
        std::function<void(const std::string&)> on_end = {};
        std::function<void(const std::string&)> on_warning = {};
        /// File that each process writes its exit code to before it ends so; empty: none.
        std::string end_mark = {};
        /// Instead of ending the process, with its exit code; for tests.
        std::function<void(int)> end_process = {};
    };
    /// Collective. With one rank, or `watch.silent_seconds` of 0, nothing is done.
    Heartbeat(const Communicator& comm, Options options);
    /// Says good-bye: from here on nobody waits for this rank's signs.
    ~Heartbeat();
    Heartbeat(Heartbeat&&) noexcept;

  private:
    class Thread;
    std::unique_ptr<Thread> thread_;
};

}  // namespace lapatlas
