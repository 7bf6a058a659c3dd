#include "src/plan/time_plan.hpp"

#include <algorithm>
#include <cmath>

#include "src/config/derived.hpp"

namespace lapatlas {

namespace {

constexpr double kEntryBytes = 8;

double prepare_seconds(const Workload& work, const MachineSpeed& speed) {
    constexpr double kPasses = 12, kColumns = 64;  // of the PCA: what real and simulated atlases needed
    constexpr double kProducts = 60;               // of the eigen-solver
    constexpr double kProbes = 24;
    // float64 halves what a core does of float32.
    constexpr double kDouble = 2;
    const double n = work.train_cells;
    const auto hvg = static_cast<double>(work.config.prepare.highly_variable_genes);
    const double seen = hvg > 0 ? std::min(1.0, std::sqrt(hvg / work.genes)) : 1;
    const double train_nonzeros = work.nonzeros * n / std::max(1.0, work.cells());
    const double read = work.read_nonzeros * kEntryBytes / (2 * speed.compression);
    const double pca = kPasses * 2 * kColumns * train_nonzeros * seen * kDouble / speed.sparse;
    const bool exact = n <= static_cast<double>(work.config.prepare.exact_knn_below);
    const auto k = static_cast<double>(work.config.prepare.k);
    // Lists of sqrt(N) / 2 points; then the neighbours of neighbours, one by one.
    const double pairs = exact ? n * n : n * (std::sqrt(n) * (2 + kProbes / 2) + 20 * k * k);
    const double heldout = work.heldout_cells * n;
    const double encodings = kProducts * work.edges * 1.5 *
                             static_cast<double>(work.config.prepare.encodings) * kDouble / speed.graph;
    const double metis = 6e-6 * n * std::log2(2 + static_cast<double>(work.config.prepare.clusters)) / 2;
    const double write = work.nonzeros * kEntryBytes / speed.compression;
    return (read + pca + (pairs + heldout) / speed.distances + encodings + write) / work.ranks + metis;
}

double joint_step_seconds(const Workload& work, const MachineSpeed& speed) {
    if (work.is_cellwise()) {
        // A likelihood by LibTorch's own operations goes over rows of genes some 40 times.
        constexpr double kPasses = 40, kValuesASecond = 1e9;
        const double values = work.active_cells() * work.genes * (work.is_zero_inflated() ? kPasses : 6);
        return (6 * work.active_cells() * work.network_weights() / speed.dense + values / kValuesASecond) /
                   work.ranks +
               2e-3;
    }
    const double h = work.hidden();
    const auto d = static_cast<double>(work.config.model.latent);
    const auto order = static_cast<double>(work.config.model.cheb_order);
    const auto encodings = static_cast<double>(work.config.prepare.encodings);
    const double active = work.active_cells(), loss = work.loss_cells();
    const double part = active / work.train_cells;
    // Forward and back: two products for one by each weight. Of an active cell's neighbours most are active.
    const double entries = work.encoder_nonzeros * active / std::max(1.0, work.cells());
    const double sparse = 2 * order * entries * h / speed.sparse;
    const double edges = 0.8 * work.edges * part;
    const double graph = 4 * (order - 1) * edges * h / speed.graph;
    const double weights = order * (encodings + h) * h + 2 * h * d;
    const double dense =
        6 * (active * weights + loss * ((d + h) * h + h * work.genes + work.score_weights())) / speed.dense;
    const double likelihood = loss * work.genes / speed.likelihood;
    // Masking, ordering by genes, and moving entries: some 15 ns each. The optimiser: 7 numbers a weight.
    const double rest = 15e-9 * entries + 28 * work.network_weights() / 8e9;
    return (sparse + graph + dense + likelihood + rest) / work.ranks + 2e-3;
}

double train_seconds(const Workload& work, const MachineSpeed& speed) {
    const double score_step = 1.5e-3 + 6 * static_cast<double>(work.config.train.score_batch) *
                                           work.score_weights() / speed.dense / work.ranks;
    // Latents are frozen by a few passes over the clusters without gradients.
    const double freezing = 4 * work.train_cells / work.active_cells() / 2;
    return (work.joint_steps() + freezing) * joint_step_seconds(work, speed) +
           static_cast<double>(work.config.train.score_steps) * score_step;
}

double generate_seconds(const Workload& work, const MachineSpeed& speed) {
    const double dropout_draws = work.config.model.embedding == "laplacian" ? 8 : 1;
    const double h = work.hidden();
    const auto d = static_cast<double>(work.config.model.latent);
    const double guided = work.config.generate.guidance == 0 || work.config.generate.guidance == -1 ? 1 : 2;
    const double sampling =
        2 * guided * static_cast<double>(solver_evaluations(work.config)) * work.score_weights();
    const double decoding = 2 * (dropout_draws * (d + h) * h + 2 * h * work.genes);
    const double entries = work.nonzeros / std::max(1.0, work.cells());
    const double a_cell = (sampling + decoding) / speed.dense + work.genes / speed.draws +
                          entries * kEntryBytes / speed.compression;
    return work.generated_cells() * a_cell / work.ranks;
}

}  // namespace

TimePlan plan_time(const Workload& work, const MachineSpeed& speed) {
    return {prepare_seconds(work, speed), train_seconds(work, speed), generate_seconds(work, speed)};
}

}  // namespace lapatlas
