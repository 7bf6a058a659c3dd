#include "src/train/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace lapatlas {

namespace {

constexpr std::int64_t kFewestClusters = 8;
constexpr double kActiveCells = 4096;

}  // namespace

std::int64_t steps_a_pass(const TrainOptions& options, double train_cells, std::int64_t clusters) {
    if (options.batch == "full") return 1;
    const double cells_a_cluster = train_cells / static_cast<double>(clusters);
    // So many cells that most have their neighbours with them; of several clusters in any case, since one
    // alone is nearly one cell type, and lies on one rank.
    const std::int64_t active =
        options.active_clusters > 0
            ? options.active_clusters
            : std::max<std::int64_t>(std::llround(kActiveCells / cells_a_cluster), kFewestClusters);
    const double parts =
        static_cast<double>(clusters) / static_cast<double>(std::clamp<std::int64_t>(active, 1, clusters));
    return std::max<std::int64_t>(1, std::llround(parts));
}

std::int64_t steps_an_epoch(const TrainOptions& options, double train_cells, std::int64_t clusters) {
    const std::int64_t pass = steps_a_pass(options, train_cells, clusters);
    const double active = train_cells / static_cast<double>(pass);
    const double turns =
        options.loss_cells == 0 ? 1 : std::max(1.0, active / static_cast<double>(options.loss_cells));
    return std::max<std::int64_t>(1, std::llround(turns * static_cast<double>(pass)));
}

}  // namespace lapatlas
