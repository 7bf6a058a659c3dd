#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lapatlas {

/// One line of metrics.csv; numbers that were not measured are NaN and written as empty cells.
struct MetricsRow {
    std::string phase;  ///< "joint" or "score"
    std::int64_t step = 0;
    double epoch = 0;
    double loss, reconstruction, kl, diffusion;
    double validation_reconstruction, validation_kl;
    double gradient_norm, learning_rate, cells_per_second, edges_changed, halo_wait_seconds,
        reduce_wait_seconds;
    double seconds;     ///< that training has taken up to here, all its runs together
    double rank_hours;  ///< the same, times the ranks that each of them had
};

/// A row with every number NaN.
MetricsRow empty_metrics(const std::string& phase, std::int64_t step);

/// Rank-local (the root's). Appends to a CSV that a person can plot. On resuming, rows after the checkpoint's
/// steps are dropped first, so that no step stands there twice.
class MetricsFile {
  public:
    MetricsFile(std::filesystem::path path, std::int64_t joint_steps_kept, std::int64_t score_steps_kept);
    void append(const MetricsRow& row);
    /// What training had taken before, as the last row that was kept says.
    double seconds_before() const { return seconds_before_; }
    double rank_hours_before() const { return rank_hours_before_; }

  private:
    std::filesystem::path path_;
    double seconds_before_ = 0, rank_hours_before_ = 0;
};

/// The rows of a metrics.csv. InputError where it is missing or malformed.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

}  // namespace lapatlas
