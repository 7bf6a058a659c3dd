#include "src/train/cellwise_phase.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/autoencode/joint_embedding.hpp"
#include "src/autoencode/linear_embedding.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/preprocess/pca.hpp"
#include "src/train/encode.hpp"

namespace lapatlas {

namespace {

/// Cells that are encoded or decoded together outside of training.
constexpr std::int64_t kCellsAtOnce = 1024;

/// The first rows of others.
class FirstRows : public ExpressionRows {
  public:
    FirstRows(const ExpressionRows& all, std::int64_t rows) : all_(all), rows_(rows) {}
    std::int64_t num_rows() const override { return rows_; }
    std::int64_t num_genes() const override { return all_.num_genes(); }
    std::int64_t most_entries(std::int64_t row) const override { return all_.most_entries(row); }
    SparseCounts row(std::int64_t row, RowBuffer& buffer) const override { return all_.row(row, buffer); }

  private:
    const ExpressionRows& all_;
    std::int64_t rows_;
};

}  // namespace

CellwisePhase::CellwisePhase(const PlacedData& placed, const Config& config, Model& model, std::uint64_t seed)
    : placed_(placed),
      data_(placed.data()),
      backend_(placed.backend()),
      comm_(backend_.comm()),
      config_(config),
      model_(model),
      seed_(seed),
      cells_(data_.summary.num_train, config.train.embedding_batch, RandomStream::kEmbeddingBatch, seed) {
    std::vector<torch::Tensor> parameters = model.cellwise->module().parameters();
    std::reverse(parameters.begin(), parameters.end());
    if (config.model.embedding == "scanvi" && data_.summary.label_names.empty())
        throw ConfigError(
            "model.embedding = scanvi: the data have no labels; name their column by "
            "input.label_key, or use model.embedding = autoencoder");
    if (config.train.counts_on_disk)
        throw ConfigError("train.counts_on_disk: model.embedding = " + config.model.embedding +
                          " takes cells one by one in random order; use it without");
    if (config.model.embedding == "pca") fit_principal_components();
    if (config.model.embedding == "joint") measure_proteins();
    if (parameters.empty()) return;
    gradients_ = std::make_unique<ReducedGradients>(backend_, parameters, std::vector<torch::Tensor>{});
    optimiser_ = std::make_unique<Optimiser>(parameters, config.train.weight_decay);
}

void CellwisePhase::fit_principal_components() {
    const FirstRows training(placed_.expression(), data_.num_train_rows);
    const PcaResult found =
        pca(*backend_.centred_gram(training), {.components = config_.model.latent, .seed = seed_});
    const auto genes = found.pca.num_genes, width = found.pca.num_components;
    if (width < config_.model.latent)
        throw ConfigError("model.latent = " + std::to_string(config_.model.latent) +
                          ": the training cells have only " + std::to_string(width) +
                          " principal components");
    dynamic_cast<LinearEmbeddingImpl&>(model_.cellwise->module())
        .set(torch::tensor(found.pca.mean).to(torch::kFloat32),
             torch::tensor(found.pca.loadings).to(torch::kFloat32).reshape({genes, width}));
}

void CellwisePhase::measure_proteins() {
    const std::size_t proteins = data_.summary.protein_names.size();
    std::vector<double> sums(2 * proteins, 0);  // of counts, and how many there are
    for (std::size_t i = 0; i < static_cast<std::size_t>(data_.num_train_rows) * proteins; ++i)
        if (const float count = data_.proteins[i]; !std::isnan(count)) {
            sums[i % proteins] += static_cast<double>(count);
            sums[proteins + i % proteins] += 1;
        }
    all_reduce_sum(comm_, std::span<double>(sums));
    std::vector<double> means;
    for (std::size_t p = 0; p < proteins; ++p) {
        if (sums[proteins + p] == 0)
            throw InputError(
                "protein '" + data_.summary.protein_names[p] +
                "' (input.protein_key, input.protein_path) is measured in no training cell; leave it out");
        means.push_back(sums[p] / sums[proteins + p]);
    }
    dynamic_cast<JointEmbeddingImpl&>(model_.cellwise->module()).set_protein_means(torch::tensor(means));
}

std::int64_t CellwisePhase::steps() const {
    return optimiser_ == nullptr ? 0 : steps_an_epoch() * config_.train.embedding_epochs;
}

std::vector<std::int64_t> CellwisePhase::gradient_sizes() const {
    return optimiser_ == nullptr ? std::vector<std::int64_t>() : sizes_of_gradients(*optimiser_);
}

CellsOfStep CellwisePhase::cells_of(std::span<const std::int64_t> rows) const {
    CellsOfStep cells;
    std::vector<std::int64_t> labels;
    for (const std::int64_t row : rows) labels.push_back(data_.labels[static_cast<std::size_t>(row)]);
    cells.x = placed_.seen_by(*model_.cellwise, rows);
    cells.totals = placed_.totals_of(rows);
    cells.labels = backend_.tensor(labels);
    cells.batches = placed_.batches(rows);
    return cells;
}

StepResult CellwisePhase::step(std::int64_t step) {
    const std::vector<std::int64_t> chosen = cells_.of_step(step);
    std::vector<std::int64_t> rows, ids;
    for (const std::int64_t row : chosen)
        if (data_.map.owner(row) == comm_.rank()) {
            rows.push_back(data_.map.local_row(row));
            ids.push_back(row);
        }
    CellsOfStep cells = cells_of(rows);
    cells.cells_of_all_ranks = static_cast<double>(chosen.size());
    cells.labelled_of_all_ranks =
        all_reduce_sum(comm_, (cells.labels >= 0).sum().to(torch::kFloat64).item<double>());
    const double warm = static_cast<double>(config_.train.kl_warmup_epochs * steps_an_epoch());
    cells.kl_weight = warm == 0 ? 1 : std::min(1.0, static_cast<double>(step) / warm);
    cells.classification_weight = config_.train.classification_weight;
    cells.protein_dropout = config_.train.protein_dropout;
    const CellDraws draws{seed_, static_cast<std::uint32_t>(step), backend_.tensor(ids)};
    cells.draws = {
        [&](std::int64_t width) { return backend_.normals(draws, RandomStream::kLatentNoise, width); },
        drawn_dropout(backend_, config_.model.dropout, draws, DropoutLayers::kEmbedding)};
    cells.sum = sum_over_ranks(comm_);

    const EmbeddingLoss part = model_.cellwise->loss(cells);
    gradients_->begin();
    part.loss.backward();
    gradients_->finish();
    double sums[3] = {part.loss.item<double>(), part.reconstruction.item<double>(),
                      part.kl.defined() ? part.kl.item<double>() : 0};
    all_reduce_sum(comm_, std::span<double>(sums));
    StepResult result;
    result.loss = sums[0];
    result.terms = {sums[1], sums[2], 0};
    result.num_cells = std::ssize(chosen);
    result.gradient_norm = clip_gradients(optimiser_->parameters(), config_.train.clip_norm);
    require_finite(result.terms, result.gradient_norm, "embedding", step);
    result.learning_rate = config_.train.embedding_learning_rate *
                           learning_rate_factor(step, steps(), config_.train.warmup_fraction);
    optimiser_->step(result.learning_rate);
    return result;
}

Validation CellwisePhase::validate() {
    const torch::NoGradGuard no_grad;
    const std::vector<std::int64_t> chosen = validation_rows(data_);
    double sums[2] = {0, static_cast<double>(chosen.size())};
    for (std::size_t first = 0; first < chosen.size(); first += kCellsAtOnce)
        sums[0] += model_.cellwise
                       ->errors(cells_of(std::span<const std::int64_t>(chosen).subspan(
                           first, std::min<std::size_t>(kCellsAtOnce, chosen.size() - first))))
                       .sum()
                       .item<double>();
    all_reduce_sum(comm_, std::span<double>(sums));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {sums[1] == 0 ? nan : sums[0] / sums[1], nan};
}

void CellwisePhase::visit_training_rows(
    const std::function<void(std::span<const std::int64_t>)>& visit) const {
    for (std::int64_t begin = 0; begin < data_.num_train_rows; begin += kCellsAtOnce) {
        std::vector<std::int64_t> rows(
            static_cast<std::size_t>(std::min(kCellsAtOnce, data_.num_train_rows - begin)));
        std::iota(rows.begin(), rows.end(), begin);
        visit(rows);
    }
}

std::unique_ptr<FrozenLatents> CellwisePhase::freeze() {
    CellEmbedding& embedding = *model_.cellwise;
    auto frozen =
        std::make_unique<FrozenLatents>(backend_, data_.num_train_rows, embedding.latent(), 1, seed_);
    const torch::NoGradGuard no_grad;
    visit_training_rows([&](std::span<const std::int64_t> rows) {
        frozen->add(0, std::vector<std::int32_t>(rows.begin(), rows.end()),
                    embedding.encode(placed_.seen_by(embedding, rows)));
    });
    embedding.finish(comm_, [&](const std::function<void(const CellEmbedding::EncodedBlock&)>& visit) {
        visit_training_rows([&](std::span<const std::int64_t> rows) {
            visit({placed_.counts_of(rows), frozen->means(rows.front(), rows.back() + 1),
                   placed_.totals_of(rows)});
        });
    });
    return frozen;
}

void CellwisePhase::store(Checkpoint& checkpoint) {
    if (!comm_.is_root()) return;
    if (optimiser_ != nullptr) store_optimiser(checkpoint, "embedding_optimiser", *optimiser_);
}

void CellwisePhase::restore(const Checkpoint& checkpoint) {
    if (optimiser_ != nullptr) restore_optimiser(checkpoint, "embedding_optimiser", *optimiser_);
}

}  // namespace lapatlas
