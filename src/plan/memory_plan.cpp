#include "src/plan/memory_plan.hpp"

#include <algorithm>
#include <cmath>

#include "src/io/packed_counts.hpp"

namespace lapatlas {

namespace {

constexpr double kFloat = 4, kIndex = 4, kLong = 8, kDouble = 8;
constexpr double kEntry = kIndex + kFloat;  ///< of a sparse matrix that is worked with
/// Logarithms of a cell's counts that are kept beside them.
constexpr double kCellsLogarithms = 200;
/// The program and its libraries, as far as they are resident; LibTorch brings more of itself to training.
constexpr double kProgram = 170e6, kTrainingProgram = 210e6;
/// What MPI keeps for messages between ranks.
constexpr double kMessages = 40e6;
/// CUDA's context and the kernels of its libraries.
constexpr double kCudaContext = 600e6;
/// Rows of the fullest rank over the mean: METIS balances weights, not rows.
constexpr double kImbalance = 1.05;

/// A rank's part of what is dealt to all ranks.
double share(const Workload& work, double of_all) {
    return work.ranks == 1 ? of_all : of_all / work.ranks * kImbalance;
}

/// An entry of PackedCounts.
double packed_entry(const Workload& work) {
    return PackedCounts::has_short_genes(static_cast<std::int64_t>(work.genes)) ? 3 : 5;
}

/// Weights, gradients and two moments of each, and the ScoreNet's moving average.
double training_state(const Workload& work) {
    return kFloat * (4 * work.network_weights() + 5 * work.score_weights() + work.labels * work.genes);
}

double program(const Workload& work, double alone = kProgram) {
    return alone + (work.ranks > 1 ? kMessages : 0);
}

/// What a joint step holds beside the training state when its backward pass begins: blocks of cells x hidden
/// of both convolutions and of the recurrence, logits, the output layer's gradient, the ScoreNet's.
double step_bytes(const Workload& work) {
    const double h = work.hidden();
    const double active = share(work, work.active_cells()), loss = share(work, work.loss_cells());
    // Dense rows of genes that autograd keeps: the input, what is decoded, the terms of a likelihood.
    constexpr double kRowsOfGenes = 8, kRowsOfLikelihood = 30;
    const double dense_rows = work.is_zero_inflated() ? kRowsOfLikelihood : kRowsOfGenes;
    if (work.is_cellwise()) return kFloat * active * (work.genes * dense_rows + h * 16);
    if (work.config.model.embedding == "sctag")
        return kFloat * (active * h * 11 + loss * work.genes * dense_rows + 2 * work.output_weights());
    const double chunk = std::min(loss, static_cast<double>(work.config.train.decode_chunk));
    const double decoder = loss * h * 8 + chunk * work.genes * 2 + 2 * work.output_weights();
    const double score = loss * static_cast<double>(work.config.model.score_width) *
                         static_cast<double>(work.config.model.score_blocks) * 8;
    return kFloat * (active * h * 11 + decoder + score);
}

/// The masked counts of a step's cells, by rows and by genes, and their part of the graph.
double step_rows(const Workload& work) {
    const double part = share(work, work.active_cells()) / std::max(1.0, work.cells());
    return part * (work.encoder_nonzeros * 2 * kEntry + work.edges * (kIndex + kFloat));
}

/// Validation encodes as many training cells at once as a step, and the held-out cells beside them, without
/// gradients: blocks of cells x hidden, and on the CPU their counts.
double validation_bytes(const Workload& work) {
    if (work.config.train.validate_every == 0 || work.config.train.use_validation || work.heldout_cells == 0)
        return 0;
    const double part = work.active_cells() / std::max(1.0, work.train_cells);
    const double blocks = share(work, work.cells()) * part * work.hidden() * 7;
    return kFloat * blocks + (work.on_gpu ? 0 : kEntry * share(work, work.encoder_nonzeros) * part);
}

/// A tile of the encoder's input, dense.
double dense_tile(const Workload& work) {
    const double value = work.config.train.precision == "bfloat16" ? 2 : kFloat;
    return std::min(share(work, work.active_cells()) * work.encoder_genes * value, 1.1e9);
}

}  // namespace

double StageMemoryPlan::total(const std::vector<MemoryItem>& items) {
    double sum = 0;
    for (const MemoryItem& item : items) sum += item.bytes;
    return sum;
}

StageMemoryPlan plan_preparation_memory(const Workload& work) {
    const auto p = static_cast<double>(work.config.prepare.pca_components);
    const auto k = static_cast<double>(work.config.prepare.k);
    const double cells = share(work, work.cells());
    // Beside the counts that are chosen: those of the file, then the training cells' once more while they are
    // dealt.
    const double train_share = work.train_cells / std::max(1.0, work.cells());
    const double dealing =
        packed_entry(work) * share(work, std::max(work.read_nonzeros, train_share * work.nonzeros));
    const std::vector<MemoryItem> later = {
        {"principal components", work.genes * 10 * (p + 14) * kDouble},
        {"cells' names, types, components", cells * (80 + 2 * p * kDouble)},
        {"nearest neighbours and graph", cells * k * 4 * kLong},
        {"positional encodings",
         cells * 3 * 1.5 * static_cast<double>(work.config.prepare.encodings) * kDouble},
        {"METIS", work.edges * 3 * kLong},
    };
    StageMemoryPlan plan;
    plan.host = {{"program", program(work)}, {"counts", packed_entry(work) * share(work, work.nonzeros)}};
    if (dealing > StageMemoryPlan::total(later))
        plan.host.push_back({"counts while they are dealt anew", dealing});
    else
        plan.host.insert(plan.host.end(), later.begin(), later.end());
    if (work.on_gpu)
        plan.device = {
            {"CUDA", kCudaContext}, {"counts", kEntry * share(work, work.nonzeros)}, {"tiles", 3e9}};
    return plan;
}

StageMemoryPlan plan_training_memory(const Workload& work) {
    const double cells = share(work, work.cells());
    // On disk: those of a step, of the one before and of the one after it.
    const double in_memory =
        work.config.train.counts_on_disk ? std::min(1.0, 3 * work.active_cells() / work.cells()) : 1.0;
    const double counts =
        in_memory * packed_entry(work) * share(work, work.nonzeros) + cells * kCellsLogarithms;
    const double on_device = kEntry * share(work, work.nonzeros + work.encoder_nonzeros);
    const double graph = share(work, work.edges) * (2 * kIndex + kLong);
    // Of a training cell's latent, means and deviations of four encodings are kept for the ScoreNet.
    const double rows = cells * (6 * kLong + static_cast<double>(work.config.prepare.encodings) * kFloat) +
                        share(work, work.train_cells) * (work.config.model.embedding == "laplacian" ? 8 : 2) *
                            work.latent() * kFloat;
    // A step, or the validation between steps, whatever is larger; on the CPU with the cells' counts.
    const double step = step_bytes(work) + (work.on_gpu ? 0 : step_rows(work));
    const double validation = validation_bytes(work);
    const std::vector<MemoryItem> networks = {
        {"networks and optimiser", training_state(work)},
        step >= validation ? MemoryItem{"a step", step}
                           : MemoryItem{"validation (train.validate_every)", validation}};
    // A copy of weights and moments on the first rank, from which a checkpoint is written while training goes
    // on.
    const double checkpoint = 3 * kFloat * (work.network_weights() + work.score_weights());
    StageMemoryPlan plan;
    plan.host = {{"program", program(work, kTrainingProgram)},
                 {"counts", counts},
                 {"graph", graph},
                 {"cells' types, encodings, latents", rows}};
    if (work.on_gpu) {
        plan.host.push_back({"a checkpoint", checkpoint});
        plan.device = {{"CUDA", kCudaContext},
                       {"counts and the encoder's input", on_device + dense_tile(work)}};
        plan.device.insert(plan.device.end(), networks.begin(), networks.end());
    } else {
        plan.host.insert(plan.host.end(), networks.begin(), networks.end());
        plan.host.push_back({"a checkpoint", checkpoint});
    }
    return plan;
}

StageMemoryPlan plan_generation_memory(const Workload& work) {
    const double block = work.on_gpu ? 4096 : 512, part = 8 * block;
    const double weights = kFloat * (work.network_weights() + work.score_weights());
    const double of_block =
        block * (2 * work.genes * kFloat + 16 * static_cast<double>(work.config.model.hidden) * kFloat);
    const double density = work.nonzeros / std::max(1.0, work.cells() * work.genes);
    StageMemoryPlan plan;
    plan.host = {{"program", program(work)},
                 {"the checkpoint", 3 * weights},
                 {"networks", weights},
                 {"a part of cells and what is written of it", 3 * kEntry * part * work.genes * density}};
    if (work.on_gpu)
        plan.device = {{"CUDA", kCudaContext}, {"networks", weights}, {"a block of cells", 2 * of_block}};
    else
        plan.host.push_back({"rates of a block", of_block});
    return plan;
}

DiskPlan plan_disk(const Workload& work) {
    // Counts are small numbers and genes ascend: about 3 bytes an entry are left of 8.
    constexpr double kPackedEntry = 3;
    DiskPlan plan;
    plan.prepared =
        kPackedEntry * work.nonzeros +
        work.cells() * kFloat *
            static_cast<double>(work.config.prepare.pca_components + work.config.prepare.encodings) +
        work.edges * kLong / 2;
    plan.checkpoints = static_cast<double>(work.config.train.keep_checkpoints + 1) * 3 * kFloat *
                       (work.network_weights() + work.score_weights());
    plan.atlas = kPackedEntry * work.generated_cells() * work.nonzeros / std::max(1.0, work.cells());
    return plan;
}

}  // namespace lapatlas
