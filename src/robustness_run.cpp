#include "src/robustness_run.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "src/config/text_list.hpp"
#include "src/embed/edge_gradient.hpp"
#include "src/generate/generate.hpp"
#include "src/graph/edge_attacks.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/latent_labels.hpp"
#include "src/train/encode.hpp"

namespace lapatlas {

namespace {

constexpr const char* kAttacks[] = {"random", "local", "degree", "spectral", "modes", "gradient"};

std::vector<std::string> attacks_of(const RobustnessOptions& options) {
    if (options.attacks.empty()) return {std::begin(kAttacks), std::end(kAttacks)};
    std::vector<std::string> asked = split_text(options.attacks, ',');
    for (const std::string& name : asked)
        if (std::find(std::begin(kAttacks), std::end(kAttacks), name) == std::end(kAttacks))
            throw ConfigError("robustness.attacks: no attack '" + name +
                              "'; there are random, local, degree, spectral, modes, gradient");
    return asked;
}

/// What is left of a model under an attack.
struct Figures {
    double training = 0, heldout = 0;  ///< nats a cell, negative log-likelihood at the posterior mean
    double moved = 0;     ///< root mean square of latents' change over their spread, training cells
    double accuracy = 0;  ///< of held-out labels; NaN without labels
    double changed = 0;   ///< share of edges whose weight differs by more than 10 %
};

/// A trained run with its whole graph.
class Attacked {
  public:
    Attacked(const Communicator& comm, const Config& config, const RunFolder& run)
        : comm_(comm),
          data_(load_rank_data(comm, run.prepared(), config)),
          model_(make_model(config.model, sizes_of(data_.summary), 0)),
          placed_(make_cpu_backend(comm), data_),
          chunk_(config.train.decode_chunk) {
        const Checkpoint checkpoint =
            agreed(comm, [&] { return read_trained_checkpoint(run.checkpoint(), config); });
        agreed(comm, [&] { restore_embedding(checkpoint, model_); });
        rows_.resize(static_cast<std::size_t>(data_.num_rows()));
        std::iota(rows_.begin(), rows_.end(), 0);
        unattacked_ = encode({});
        labels_ = learn_labels(comm, data_, unattacked_.mean.contiguous());
    }

    /// `weights` of the training graph's edges.
    Figures figures(const std::vector<float>& weights) {
        const torch::NoGradGuard no_grad;
        const Posterior under = encode(weights);
        const std::int64_t first = data_.num_train_rows, held_out = data_.num_rows() - first;
        // Nats of training and held-out cells; right and known labels of the latter; squares of the latents'
        // change, and their own; edges.
        double sums[7] = {nats(under, 0, first), nats(under, first, held_out), 0, 0, 0, 0, 0};
        if (labels_ != nullptr && held_out > 0) {
            const std::vector<std::int32_t> said =
                likeliest_labels(*labels_, under.mean.narrow(0, first, held_out).contiguous());
            for (std::size_t i = 0; i < said.size(); ++i) {
                const std::int32_t truth = data_.labels[static_cast<std::size_t>(first) + i];
                if (truth < 0) continue;
                sums[2] += said[i] == truth ? 1 : 0;
                sums[3] += 1;
            }
        }
        const auto wide = [&](const Posterior& posterior) {
            return posterior.mean.narrow(0, 0, first).to(torch::kFloat64);
        };
        const torch::Tensor before = wide(unattacked_);
        sums[4] = (wide(under) - before).square().sum().item<double>();
        sums[5] = before.square().sum().item<double>();
        sums[6] = static_cast<double>(
            std::count_if(weights.begin(), weights.end(), [](float w) { return std::abs(w - 1) > 0.1F; }));
        all_reduce_sum(comm_, std::span<double>(sums));
        const auto edges = static_cast<double>(all_reduce_sum(comm_, data_.train_graph.num_edges()));
        return {sums[0] / static_cast<double>(data_.summary.num_train),
                sums[1] / static_cast<double>(data_.summary.num_heldout), std::sqrt(sums[4] / sums[5]),
                sums[3] > 0 ? sums[2] / sums[3] : std::nan(""), sums[6] / edges};
    }

    std::vector<float> weights(const EdgeAttack& attack) {
        std::vector<double> gradient;
        if (attack.kind == "gradient") gradient = loss_gradient();
        return attacked_weights(comm_, data_.train_graph, attack, gradient);
    }

  private:
    /// Of rows [first, first + count).
    double nats(const Posterior& posterior, std::int64_t first, std::int64_t count) {
        if (count == 0) return 0;
        std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
        std::iota(rows.begin(), rows.end(), first);
        const CellBatch cells = placed_.cell_batch(rows);
        const torch::Tensor hidden =
            model_.decoder->hidden(posterior.mean.narrow(0, first, count).contiguous(), cells.batches);
        return model_.decoder->negative_log_likelihood(hidden, *cells.counts, cells.labels, chunk_)
            .item<double>();
    }

    /// Of all rows; empty weights are 1. Held-out cells' own edges are not attacked.
    Posterior encode(const std::vector<float>& weights) {
        const torch::NoGradGuard no_grad;
        std::vector<float> all = weights;
        if (!all.empty()) all.resize(static_cast<std::size_t>(data_.full_graph.num_edges()), 1);
        const auto graph = placed_.backend().graph_operator(data_.full_graph,
                                                            laplacian_entries(comm_, data_.full_graph, all));
        return model_.encoder->forward(placed_.inputs(rows_, {}), placed_.encodings(rows_), graph);
    }

    /// Of the training cells' negative log-likelihood in the weights of their graph.
    std::vector<double> loss_gradient() {
        std::vector<std::int32_t> rows(static_cast<std::size_t>(data_.num_train_rows));
        std::iota(rows.begin(), rows.end(), 0);
        const std::vector<std::int64_t> wide(rows.begin(), rows.end());
        const CellBatch cells = placed_.cell_batch(wide);
        const std::vector<float> ones(static_cast<std::size_t>(data_.train_graph.num_edges()), 1);
        return edge_gradient(comm_, data_.train_graph, ones, model_.encoder, placed_.inputs(rows, {}),
                             placed_.encodings(rows), [&](const Posterior& posterior) {
                                 return model_.decoder->negative_log_likelihood(
                                     model_.decoder->hidden(posterior.mean, cells.batches), *cells.counts,
                                     cells.labels, chunk_);
                             });
    }

    Communicator comm_;
    RankData data_;
    Model model_;
    PlacedData placed_;
    std::int64_t chunk_;
    std::vector<std::int32_t> rows_;
    Posterior unattacked_;
    std::unique_ptr<LabelClassifier> labels_;
};

}  // namespace

std::string robustness_run(const Communicator& comm, const Config& config, const RunFolder& run, Log& log) {
    if (config.model.embedding != "laplacian")
        throw ConfigError(
            "lapatlas robustness attacks the graph of model.embedding = laplacian; this run's is " +
            config.model.embedding);
    const std::vector<std::string> attacks = attacks_of(config.robustness);
    const std::vector<double> budgets =
        numbers_of_list(config.robustness.budgets, "robustness.budgets", 1e-6);
    log.stage("attack the graph of " + run.dir.string());
    Attacked attacked(comm, config, run);
    std::string table =
        "| attack | budget | edges changed | training nats | held-out nats | latents moved | label accuracy "
        "|\n|---|---|---|---|---|---|---|\n";
    std::string csv = "attack,budget,edges_changed,training_nats,heldout_nats,latents_moved,label_accuracy\n";
    const auto add = [&](const std::string& name, double budget, const Figures& figures) {
        char line[200];
        std::snprintf(line, sizeof line, "| %s | %g | %.3f | %.2f | %.2f | %.4f | %.3f |\n", name.c_str(),
                      budget, figures.changed, figures.training, figures.heldout, figures.moved,
                      figures.accuracy);
        table += line;
        std::snprintf(line, sizeof line, "%s,%g,%.6g,%.6g,%.6g,%.6g,%.6g\n", name.c_str(), budget,
                      figures.changed, figures.training, figures.heldout, figures.moved, figures.accuracy);
        csv += line;
    };
    add("none", 0, attacked.figures({}));
    for (const std::string& kind : attacks)
        for (const double budget : budgets) {
            add(kind, budget,
                attacked.figures(
                    attacked.weights({.kind = kind,
                                      .budget = budget,
                                      .modes = config.robustness.modes,
                                      .seed = static_cast<std::uint64_t>(config.runtime.seed)})));
            log.info(kind + ", budget " + number_text(budget));
        }
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        write_whole_file(run.dir / "robustness.md", table);
        write_whole_file(run.dir / "robustness.csv", csv);
    });
    return table;
}

}  // namespace lapatlas
