#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lapatlas {

/// What this process is doing, readable from another thread at any time: the task with its progress (told by
/// Log::Progress) and the MPI call or exchange that it waits in (told by dist/mpi_calls.cpp and by whoever
/// knows a better name).
class Activity {
  public:
    struct Snapshot {
        std::string task;  ///< a stage ("kNN graph") or what is counted ("joint steps"); empty: none yet
        std::int64_t done = -1;  ///< of what is counted; -1: a stage
        std::string waiting_in;  ///< e.g. "MPI_Allreduce", "halo exchange"; empty: at work
        double waiting_seconds = 0;
        /// In a call of MPI-IO, of which nobody can tell whether it waits for a rank or for the file system.
        bool is_in_io() const { return waiting_in.starts_with("MPI_File_"); }
    };
    static Snapshot now();
    static void at(const std::string& task, std::int64_t done = -1);
    /// A wait that is under way counts from now: the process itself was stopped until now.
    static void restart_wait();

    /// Seconds that this process has spent in calls that wait for other ranks.
    static double waited_seconds();
    /// `seconds` of waiting ended with a message from, or to, `rank` of the job. (Main thread.)
    static void add_waited_for(int rank, double seconds);
    /// The sums of those by rank, as far as any was told of.
    static const std::vector<double>& waited_for_seconds();

    /// For the time of a call that waits for other ranks. Within another one it changes nothing. `call` must
    /// live for ever (a literal).
    class Waiting {
      public:
        explicit Waiting(const char* call);
        ~Waiting();
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
    };
};

}  // namespace lapatlas
