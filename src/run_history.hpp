#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/error.hpp"
#include "dist/log.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// What one stage of a run took, and where: a line of RUN/history.jsonl.
struct StageRecord {
    struct Node {
        std::string host;
        int ranks = 0;
        double waited_share = 0;    ///< of its ranks' time in calls that wait for others
        double exchange_share = 0;  ///< of the whole job's time: halo waits between this node and others
    };
    std::string stage, state;  ///< state: "done" or "stopped"
    std::string job;           ///< the SLURM job's number; empty outside of one
    int restarts = 0, ranks = 0, threads = 0;
    double started = 0, seconds = 0;  ///< started: seconds since 1970
    double cpu_share = 0;             ///< processor time used, of what the threads could have used
    std::vector<Node> nodes;
    std::string remark;  ///< slow_node's sentence, or empty

    double waited_share() const;
    /// "done in 83 s on 3 ranks of 3 nodes, processors 95 % busy, 21 % of the time waiting for other ranks"
    std::string text() const;
};

/// Names the node whose exchanges took far longer than those between the other nodes; empty where none stands
/// out. `waits` [nodes, nodes]: share of the ranks' time in `stage` that row's ranks waited for messages of
/// column's; 0 between nodes without exchanges. Of two nodes neither can be told from the other.
std::string slow_node(const std::string& stage, const std::vector<std::string>& hosts,
                      const std::vector<double>& waits);

/// From its making on it counts what this rank spends.
class StageClock {
  public:
    StageClock();
    /// Collective. The job's record.
    StageRecord record(const Communicator& comm, const std::string& stage, const std::string& state) const;

  private:
    std::chrono::system_clock::time_point start_;
    double cpu_seconds_, waited_seconds_;
    std::vector<double> waited_for_seconds_;
};

/// Collective. Says what the stage took and appends it to the run's history.
void keep_record(const Communicator& comm, const RunFolder& run, const StageRecord& record, Log& log);

/// Collective. Does a stage of a run and keeps its record, also when it was stopped.
template <class F>
void recorded(const Communicator& comm, const RunFolder& run, const std::string& stage, Log& log, F&& work) {
    const StageClock clock;
    try {
        work();
    } catch (const Stopped&) {
        keep_record(comm, run, clock.record(comm, stage, "stopped"), log);
        throw;
    }
    keep_record(comm, run, clock.record(comm, stage, "done"), log);
}

/// Rank-local. The records of a run so far, none where there is no such file; lines that are no record (a
/// write that a crash broke off) are left out.
std::vector<StageRecord> read_history(const std::filesystem::path& path);

}  // namespace lapatlas
