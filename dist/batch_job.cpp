#include "dist/batch_job.hpp"

#include <cstdlib>

namespace lapatlas {

namespace {

std::string value_of(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
}

}  // namespace

std::optional<BatchJob> batch_job() {
    BatchJob job{.id = value_of("SLURM_JOB_ID"),
                 .nodes = value_of("SLURM_JOB_NODELIST"),
                 .restarts = 0,
                 .end = {},
                 .end_mark = value_of("LAPATLAS_END_MARK")};
    job.restarts = std::atoi(value_of("SLURM_RESTART_COUNT").c_str());
    if (const long long end = std::atoll(value_of("SLURM_JOB_END_TIME").c_str()); end > 0)
        job.end = std::chrono::system_clock::time_point(std::chrono::seconds(end));
    if (job.id.empty() && !job.end) return std::nullopt;
    return job;
}

}  // namespace lapatlas
