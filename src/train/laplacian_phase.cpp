#include "src/train/laplacian_phase.hpp"

#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/train/encode.hpp"
#include "src/train/label_dispersions.hpp"
#include "src/train/schedule.hpp"
#include "src/train/training_moments.hpp"

namespace lapatlas {

namespace {

/// Parameters in the order in which backward finishes them: neighbours share an all-reduce.
std::vector<torch::Tensor> backward_order(Model& model) {
    std::vector<torch::Tensor> order;
    const auto add_reversed = [&](const std::vector<torch::Tensor>& parameters) {
        std::copy_if(parameters.rbegin(), parameters.rend(), std::back_inserter(order),
                     [](const torch::Tensor& parameter) { return parameter.requires_grad(); });
    };
    if (model.loss_log_variances.defined()) order.push_back(model.loss_log_variances);
    add_reversed(model.decoder->parameters());
    add_reversed(model.score_net->parameters());
    const std::vector<torch::Tensor>& sparse = model.encoder->sparse_weights();
    const auto is_sparse = [&](const torch::Tensor& p) {
        return std::any_of(sparse.begin(), sparse.end(),
                           [&](const torch::Tensor& s) { return s.is_same(p); });
    };
    std::vector<torch::Tensor> others;
    for (const torch::Tensor& parameter : model.encoder->parameters())
        if (!is_sparse(parameter)) others.push_back(parameter);
    add_reversed(others);
    order.insert(order.end(), sparse.begin(), sparse.end());
    return order;
}

/// Encodings of each training cell that are frozen: of other masks, graphs and perturbations.
constexpr std::int64_t kEncodings = 4;

/// Collective. The perturbation's warm start by global row [training cells, modes], on the root.
std::vector<double> gather_eigenvectors(const Communicator& comm, const RankData& data,
                                        const EdgePerturbation& perturbation, std::int64_t modes) {
    const auto width = static_cast<std::size_t>(modes);
    const std::vector<std::int64_t> ids = gather_v<std::int64_t>(comm, owned_training_ids(data));
    const std::vector<double> values = gather_v<double>(comm, perturbation.eigenvectors());
    std::vector<double> whole(values.size());
    for (std::size_t r = 0; r < ids.size(); ++r)
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(r * width), width,
                    whole.begin() + static_cast<std::ptrdiff_t>(ids[r]) * modes);
    return whole;
}

}  // namespace

LaplacianPhase::LaplacianPhase(const PlacedData& placed, const Config& config, Model& model,
                               MovingAverage& average, std::span<const float> profile, std::uint64_t seed)
    : placed_(placed),
      data_(placed.data()),
      backend_(placed.backend()),
      comm_(backend_.comm()),
      config_(config),
      model_(model),
      average_(average),
      seed_(seed),
      clusters_(data_, config.train, seed),
      loss_(placed, config.model, config.train, seed) {
    if (config.train.gene_sample > 0) loss_.sample_genes(profile);
    const std::vector<torch::Tensor> parameters = backward_order(model_);
    gradients_ = std::make_unique<ReducedGradients>(backend_, parameters, model_.encoder->sparse_weights());
    optimiser_ = std::make_unique<Optimiser>(parameters, config.train.weight_decay);
}

std::int64_t LaplacianPhase::steps() const { return steps_an_epoch() * config_.train.joint_epochs; }

StepResult LaplacianPhase::step(std::int64_t step) {
    const std::vector<std::uint8_t> active = clusters_.of_step(step);
    clusters_.read_ahead(comm_.rank(), step);
    const JointLoss::Result part = loss_(model_, active, static_cast<std::uint32_t>(step), gradients_.get());
    gradients_->begin();
    part.loss.backward();
    // First, since it waits for other ranks with a limit of time; what is read below waits without.
    gradients_->finish();
    // Weighted loss, reconstruction, KL, diffusion, z, z^2; number of cells.
    double sums[7] = {};
    const torch::Tensor figures = part.figures.cpu();
    std::copy_n(figures.const_data_ptr<double>(), 6, sums);
    sums[6] = static_cast<double>(part.num_loss_cells);
    all_reduce_sum(comm_, std::span<double>(sums));

    StepResult result;
    result.loss = sums[0];
    result.terms = {sums[1], sums[2], sums[3]};
    result.num_cells = std::llround(sums[6]);
    result.gradient_norm = clip_gradients(optimiser_->parameters(), config_.train.clip_norm);
    require_finite(result.terms, result.gradient_norm, "joint", step);
    result.learning_rate =
        config_.train.learning_rate * learning_rate_factor(step, steps(), config_.train.warmup_fraction);
    optimiser_->step(result.learning_rate);
    average_.update();

    // The diffused latents are standardised by running figures while the encoder still moves.
    const double count = std::max(1.0, sums[6]) * static_cast<double>(config_.model.latent);
    const double mean = sums[4] / count;
    const double deviation = std::sqrt(std::max(1e-12, sums[5] / count - mean * mean));
    const double keep = step == 0 ? 0 : 0.99;
    model_.latent_mean = keep * model_.latent_mean + (1 - keep) * mean;
    model_.latent_std = keep * model_.latent_std + (1 - keep) * deviation;
    clusters_.give_up(comm_.rank(), step);
    if (step + 1 == steps()) fit_label_dispersions();
    return result;
}

Validation LaplacianPhase::validate() {
    const torch::NoGradGuard no_grad;
    const Posterior posterior = encode_rows(placed_, model_, config_.train);
    const std::vector<std::int64_t> chosen = validation_rows(data_);
    double sums[3] = {0, 0, static_cast<double>(chosen.size())};
    constexpr std::size_t kCellsAtOnce = 8192;
    for (std::size_t first = 0; first < chosen.size(); first += kCellsAtOnce) {
        const std::span<const std::int64_t> rows = std::span<const std::int64_t>(chosen).subspan(
            first, std::min(kCellsAtOnce, chosen.size() - first));
        const CellBatch cells = placed_.cell_batch(rows);
        const torch::Tensor index = backend_.tensor(rows);
        const torch::Tensor mean = posterior.mean.index_select(0, index);
        const torch::Tensor log_variance = posterior.log_variance.index_select(0, index);
        sums[0] += model_.decoder
                       ->negative_log_likelihood(model_.decoder->hidden(mean, cells.batches), *cells.counts,
                                                 cells.labels, config_.train.decode_chunk)
                       .item<double>();
        sums[1] += 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum().item<double>();
    }
    all_reduce_sum(comm_, std::span<double>(sums));
    if (sums[2] == 0) return {std::nan(""), std::nan("")};
    return {sums[0] / sums[2], sums[1] / sums[2]};
}

std::unique_ptr<FrozenLatents> LaplacianPhase::freeze() {
    if (frozen_) return std::move(frozen_);
    // From a fresh start, so that a resumed run freezes the same latents.
    const std::vector<double> eigenvectors = loss_.perturbation().eigenvectors();
    loss_.perturbation().set_eigenvectors(loss_.perturbation().first_eigenvectors(owned_training_ids(data_)));
    auto frozen = std::make_unique<FrozenLatents>(backend_, data_.num_train_rows, config_.model.latent,
                                                  kEncodings, seed_);
    for (std::int64_t draw = 0; draw < kEncodings; ++draw)
        for (std::int64_t place = 0; place < clusters_.steps_a_pass(); ++place) {
            // The first step of a pass beyond those of training.
            const std::int64_t pass = steps() / clusters_.steps_a_pass() + 1 + draw;
            const std::int64_t step = pass * clusters_.steps_a_pass() + place;
            clusters_.read_ahead(comm_.rank(), step);
            const JointLoss::Encoded part =
                loss_.encode_as_trained(model_, clusters_.of_step(step), static_cast<std::uint32_t>(step));
            frozen->add(draw, part.rows, part.posterior);
            clusters_.give_up(comm_.rank(), step);
        }
    loss_.perturbation().set_eigenvectors(eigenvectors);
    return frozen;
}

void LaplacianPhase::fit_label_dispersions() {
    if (!model_.decoder->dispersion_shift().defined()) return;
    constexpr std::int64_t kMostCells = 16384;
    frozen_ = freeze();
    // Draws of the posterior and of dropout, as the networks were trained on.
    const std::vector<std::int64_t> rows = even_training_rows(data_, kMostCells);
    std::vector<std::int64_t> ids;
    for (const std::int64_t row : rows)
        ids.push_back(data_.train_graph.owned_ids[static_cast<std::size_t>(row)]);
    const auto stamp = static_cast<std::uint32_t>(steps());
    const CellBatch cells = placed_.cell_batch(rows);
    torch::Tensor hidden;
    {
        const torch::NoGradGuard no_grad;
        hidden = model_.decoder->hidden(
            frozen_->draw(std::vector<std::int64_t>(rows.size(), 0), rows, ids, stamp), cells.batches,
            drawn_dropout(backend_, config_.model.dropout, {seed_, stamp, backend_.tensor(ids)},
                          DropoutLayers::kDecoder));
    }
    fit_dispersions_by_label(comm_, model_.decoder, hidden, cells, config_.train.decode_chunk);
}

void LaplacianPhase::store(Checkpoint& checkpoint) {
    checkpoint.perturbation_eigenvectors =
        gather_eigenvectors(comm_, data_, loss_.perturbation(), config_.train.perturb_modes);
    if (!comm_.is_root()) return;
    if (model_.loss_log_variances.defined())
        store_tensors(checkpoint, "loss_log_variances", {model_.loss_log_variances});
    store_optimiser(checkpoint, "joint_optimiser", *optimiser_);
}

void LaplacianPhase::restore(const Checkpoint& checkpoint) {
    if (model_.loss_log_variances.defined()) {
        std::vector<torch::Tensor> weights{model_.loss_log_variances};
        restore_tensors(checkpoint, "loss_log_variances", weights);
    }
    restore_optimiser(checkpoint, "joint_optimiser", *optimiser_);
    const std::int64_t modes = config_.train.perturb_modes;
    std::vector<double> mine;
    for (const std::int64_t id : owned_training_ids(data_))
        for (std::int64_t m = 0; m < modes; ++m)
            mine.push_back(checkpoint.perturbation_eigenvectors.at(static_cast<std::size_t>(id * modes + m)));
    loss_.perturbation().set_eigenvectors(std::move(mine));
}

}  // namespace lapatlas
