#include "src/generate/scorer_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/stop_request.hpp"
#include "src/config/derived.hpp"
#include "src/config/text_list.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/generate/generate.hpp"
#include "src/generate/real_scorer.hpp"
#include "src/train/dealt_cells.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/rank_data.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kMostCells = 20000, kCellsAStep = 128;
constexpr const char* kOutlook =
    "the model is trained and kept: the same command trains its Scorer from the start";
/// Generated cells are keyed by another seed than those of any generation.
constexpr std::uint64_t kSeedOfCells = 0x5c0e5c0e5c0eULL;

/// Cells that a Scorer is trained on: `real` training cells spread over all, then as many generated ones.
/// This rank's are in `counts`.
struct ScorerCells {
    std::int64_t of_kind = 0;  ///< as many real as generated ones
    CountMatrix counts;
    std::vector<std::int64_t> local_row;  // [2 of_kind] row of counts; -1: another rank's
};

/// Collective.
ScorerCells gather(const std::shared_ptr<const Backend>& backend, const Config& config,
                   const TrainedModel& trained, const RankData& data, Log& log) {
    const Communicator& comm = backend->comm();
    ScorerCells cells;
    const std::int64_t training = data.summary.num_train;
    cells.of_kind = std::min(training, kMostCells);
    cells.counts.num_genes = data.counts.num_genes();
    cells.local_row.assign(static_cast<std::size_t>(2 * cells.of_kind), -1);
    RowBuffer buffer;
    for (std::int64_t i = 0; i < cells.of_kind; ++i) {
        const std::int64_t row = i * training / cells.of_kind;
        if (data.map.owner(row) != comm.rank()) continue;
        cells.local_row[static_cast<std::size_t>(i)] = cells.counts.num_rows();
        append_row(cells.counts, data.counts.row(data.map.local_row(row), buffer));
    }
    std::vector<std::int64_t> of_labels = trained.known.cells_of_labels();
    of_labels.pop_back();  // the unlabelled
    if (is_unconditional(config.generate)) of_labels.clear();
    CellPlan plan = CellPlan::from_frequencies(of_labels, cells.of_kind);
    plan.draw_batches(trained.known);
    GenerativeModel model = trained.model;
    if (!trained.covariates.columns.empty())
        model.covariates = std::make_shared<const CovariatePlan>(
            trained.covariates, std::vector<CovariateSetting>{}, cells.of_kind);
    GenerateOptions options = config.generate;
    options.keep_best = 1;
    const Generator generator(model, options, plan,
                              static_cast<std::uint64_t>(config.runtime.seed) ^ kSeedOfCells);
    const std::int64_t blocks = num_blocks(cells.of_kind, model.block_cells);
    Log::Progress progress(log, "cells to judge", "blocks", blocks);
    for (std::int64_t first = 0; first < blocks; first += comm.size()) {
        StopRequest::obey(comm, kOutlook);
        agreed(comm, [&] {
            if (first + comm.rank() >= blocks) return;
            const GeneratedBlock made = generator.block(first + comm.rank());
            for (std::int64_t row = 0; row < made.counts.num_rows(); ++row) {
                cells.local_row[static_cast<std::size_t>(cells.of_kind + made.first_cell + row)] =
                    cells.counts.num_rows();
                append_row(cells.counts, row_of(made.counts, row));
            }
        });
        progress.update(std::min(blocks, first + comm.size()));
    }
    return cells;
}

/// Collective. A Scorer that has learned to tell the cells apart.
RealScorer fit(const Backend& backend, const Config& config, const ScorerCells& cells, Log& log) {
    const Communicator& comm = backend.comm();
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    RealScorer scorer(cells.counts.num_genes, config.prepare.target_sum);
    initialise_parameters(*scorer, seed, 8);
    scorer->to(backend.device());
    std::vector<torch::Tensor> parameters = scorer->parameters();
    std::reverse(parameters.begin(), parameters.end());
    ReducedGradients gradients(backend, parameters, {});
    Optimiser optimiser(parameters, config.train.weight_decay);
    DealtCells dealt(2 * cells.of_kind, kCellsAStep, RandomStream::kScorerBatch, seed);
    const std::int64_t steps = dealt.steps_an_epoch() * config.train.scorer_epochs;
    double loss_sum = 0, right = 0, seen = 0;
    Log::Progress progress(log, "Scorer", "steps", steps);
    for (std::int64_t step = 0; step < steps; ++step) {
        StopRequest::obey(comm, kOutlook);
        progress.update(step);
        std::vector<std::int64_t> rows, is_real;
        const std::vector<std::int64_t> chosen = dealt.of_step(step);
        for (const std::int64_t item : chosen) {
            const std::int64_t row = cells.local_row[static_cast<std::size_t>(item)];
            if (row < 0) continue;
            rows.push_back(row);
            is_real.push_back(item < cells.of_kind ? 1 : 0);
        }
        const torch::Tensor wanted = backend.tensor(is_real);
        const torch::Tensor logits = scorer->forward(scorer->input(cells.counts, rows).to(backend.device()));
        const torch::Tensor loss =
            torch::nll_loss(torch::log_softmax(logits, 1), wanted, {}, at::Reduction::Sum) /
            static_cast<double>(chosen.size());
        gradients.begin();
        loss.backward();
        gradients.finish();
        double sums[2] = {loss.item<double>(),
                          (logits.argmax(1) == wanted).sum().to(torch::kFloat64).item<double>()};
        all_reduce_sum(comm, std::span<double>(sums));
        if (!std::isfinite(sums[0]))
            throw InternalError("training of the Scorer stopped at step " + std::to_string(step) +
                                ": its loss is " + std::to_string(sums[0]));
        optimiser.step(config.train.score_learning_rate);
        if (step < steps - dealt.steps_an_epoch()) continue;
        loss_sum += sums[0] / static_cast<double>(dealt.steps_an_epoch());
        right += sums[1];
        seen += static_cast<double>(chosen.size());
    }
    char text[160];
    std::snprintf(text, sizeof text, "of %.0f real and generated cells it tells %.1f %% apart, loss %.3f",
                  seen, 100 * right / std::max(1.0, seen), loss_sum);
    log.info(text);
    return scorer;
}

}  // namespace

bool has_scorer(const Checkpoint& checkpoint) { return !checkpoint.scorer_options.empty(); }

std::string scorer_options(const Config& config) {
    const GenerateOptions& options = config.generate;
    std::string text = "solver " + options.solver;
    if (options.solver != "ancestral") text += ", steps " + std::to_string(options.steps);
    text += ", guidance " + number_text(options.guidance) + ", classifier_guidance " +
            number_text(options.classifier_guidance);
    if (options.keep_predicted) text += ", keep_predicted";
    if (options.library_size > 0) text += ", library_size " + number_text(options.library_size);
    return text + ", scorer_epochs " + std::to_string(config.train.scorer_epochs);
}

void train_scorer(const std::shared_ptr<const Backend>& backend, const Config& config,
                  const std::filesystem::path& prepared, const std::filesystem::path& path,
                  const std::map<std::string, std::string>& provenance, Log& log) {
    if (!config.train.scorer) return;
    const Communicator& comm = backend->comm();
    Checkpoint checkpoint = agreed(comm, [&] { return read_trained_checkpoint(path, config); });
    if (checkpoint.scorer_options == scorer_options(config)) return;
    log.stage("train the Scorer of real and generated cells");
    const TrainedModel trained = agreed(comm, [&] { return load_trained_model(backend, path, config); });
    const RankData data = load_rank_data(comm, prepared, config);
    const ScorerCells cells = gather(backend, config, trained, data, log);

    const RealScorer scorer = fit(*backend, config, cells, log);
    store_module(checkpoint, "scorer", *scorer);
    checkpoint.scorer_options = scorer_options(config);
    agreed(comm, [&] {
        if (comm.is_root()) write_checkpoint(path, checkpoint, provenance, config.train.keep_checkpoints);
    });
}

}  // namespace lapatlas
