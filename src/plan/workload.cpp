#include "src/plan/workload.hpp"

#include <algorithm>
#include <cmath>

#include "src/config/derived.hpp"
#include "src/train/schedule.hpp"

namespace lapatlas {

namespace {

/// Edges in both directions a training cell has for each of its k neighbours: most are not mutual.
constexpr double kEdgesANeighbour = 1.6;
/// Labels of an atlas whose file has not been read.
constexpr double kUsualLabels = 20;

void fill_encoder(Workload& work) {
    const auto wanted = static_cast<double>(work.config.model.encoder_genes);
    work.encoder_genes = wanted == 0 ? work.genes : std::min(wanted, work.genes);
    // The most variable genes are seen in more cells than others, not in proportion to their number.
    work.encoder_nonzeros = work.nonzeros * std::sqrt(work.encoder_genes / std::max(1.0, work.genes));
}

}  // namespace

bool Workload::is_cellwise() const {
    return config.model.embedding != "laplacian" && config.model.embedding != "sctag";
}
double Workload::hidden() const {
    return static_cast<double>(config.model.embedding == "laplacian" ? config.model.hidden
                                                                     : config.model.embedding_width);
}

double Workload::latent() const {
    return config.model.embedding == "hvg" ? genes : static_cast<double>(config.model.latent);
}

double Workload::active_cells() const {
    if (is_cellwise()) return std::min(train_cells, static_cast<double>(config.train.embedding_batch));
    return train_cells /
           static_cast<double>(steps_a_pass(config.train, train_cells, config.prepare.clusters));
}
double Workload::loss_cells() const {
    if (is_cellwise()) return active_cells();
    const auto wanted = static_cast<double>(config.train.loss_cells);
    return wanted == 0 ? active_cells() : std::min(wanted, active_cells());
}
double Workload::joint_steps() const {
    if (config.model.embedding == "pca" || config.model.embedding == "hvg") return 0;
    if (is_cellwise())
        return static_cast<double>(config.train.embedding_epochs) * std::ceil(train_cells / active_cells());
    return static_cast<double>(
        (config.model.embedding == "sctag" ? config.train.embedding_epochs : config.train.joint_epochs) *
        steps_an_epoch(config.train, train_cells, config.prepare.clusters));
}
double Workload::generated_cells() const {
    return config.generate.cells > 0 ? static_cast<double>(config.generate.cells) : read_cells;
}

double Workload::network_weights() const {
    const double h = hidden();
    const auto d = static_cast<double>(config.model.latent);
    const auto layers = static_cast<double>(config.model.embedding_layers);
    if (config.model.embedding == "autoencoder") return 2 * ((genes + d) * h + (layers - 1) * h * h);
    if (config.model.embedding == "scanvi" || config.model.embedding == "joint")
        return (genes + (layers - 1) * h + 10 * d) * h + output_weights();
    if (config.model.embedding == "sctag") return 4 * (encoder_genes + d) * h + output_weights();
    if (is_cellwise()) return 0;
    const auto order = static_cast<double>(config.model.cheb_order);
    const auto encodings = static_cast<double>(config.prepare.encodings);
    return order * (encoder_genes + encodings + h) * h + 2 * h * d + (d + h) * h + output_weights();
}
double Workload::output_weights() const {
    // scTAG's last layer is as wide as published.
    constexpr double kTagWidth = 512;
    const double width = config.model.embedding == "sctag" ? kTagWidth : hidden();
    return (width + batches + 2) * genes * (is_zero_inflated() ? 2 : 1);
}
double Workload::score_weights() const {
    const auto w = static_cast<double>(config.model.score_width);
    if (has_unet_widths(config.model)) {
        double weights = (labels + batches) * w;
        const std::vector<std::int64_t> widths = unet_widths(config.model);
        for (std::size_t i = 1; i < widths.size(); ++i) {
            const auto above = static_cast<double>(widths[i - 1]), below = static_cast<double>(widths[i]);
            weights += 2 * above * below + w * (above + below);
        }
        return weights;
    }
    // A block of LapDDPM's has four square matrices, one of DICE's two of 2 w by 4 w.
    const double block = config.model.score_network == "residual_mlp" ? 16 * w * w : 4 * w * w;
    return 2 * latent() * w + static_cast<double>(config.model.score_blocks) * block +
           (labels + batches) * w + 2 * w * w;
}

Workload workload_of(const AtlasSize& size, const Config& config, int ranks, int ranks_a_machine) {
    Workload work;
    work.read_cells = static_cast<double>(size.cells);
    work.read_nonzeros = size.nonzeros;
    const double validation =
        config.train.use_validation ? 0 : config.input.validation_fraction * (1 - config.input.test_fraction);
    work.heldout_cells = work.read_cells * (config.input.test_fraction + validation);
    work.train_cells = work.read_cells - work.heldout_cells;
    work.genes = static_cast<double>(size.genes);
    work.nonzeros = size.nonzeros;
    work.config = derive_from_size(config, {std::llround(work.train_cells), size.genes});
    work.edges = work.train_cells * kEdgesANeighbour * static_cast<double>(work.config.prepare.k);
    work.labels = label_column(config).empty() ? 0 : kUsualLabels;
    work.ranks = ranks;
    work.ranks_a_machine = ranks_a_machine;
    fill_encoder(work);
    return work;
}

Workload workload_of(const PreparedSummary& summary, const Config& config, int ranks, int ranks_a_machine) {
    Workload work;
    work.train_cells = static_cast<double>(summary.num_train);
    work.heldout_cells = static_cast<double>(summary.num_heldout);
    work.read_cells = static_cast<double>(summary.num_cells);
    work.genes = static_cast<double>(summary.gene_names.size());
    work.nonzeros = summary.figures.at("density") * work.genes * work.cells();
    work.read_nonzeros = work.nonzeros * work.read_cells / std::max(1.0, work.cells());
    work.edges = 2 * summary.figures.at("edges");
    work.labels = static_cast<double>(summary.label_names.size());
    work.batches = static_cast<double>(summary.batch_names.size());
    work.config = derive_from_size(config, {summary.num_train, std::llround(work.genes)});
    work.ranks = ranks;
    work.ranks_a_machine = ranks_a_machine;
    fill_encoder(work);
    return work;
}

}  // namespace lapatlas
