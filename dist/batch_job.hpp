#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lapatlas {

/// The SLURM job that this process is a part of, as its environment says.
struct BatchJob {
    std::string id, nodes;
    int restarts = 0;  ///< how often it was put back into the queue
    std::optional<std::chrono::system_clock::time_point> end;
    /// Where the job's script, on this machine, looks for the exit code of ranks that ended one another:
    /// what started them may not notice. Empty: it does not look.
    std::string end_mark;
};

/// None outside a job.
std::optional<BatchJob> batch_job();

}  // namespace lapatlas
