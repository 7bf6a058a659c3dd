#include "src/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/config/config.hpp"
#include "src/prepare.hpp"
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

constexpr double kExplodedNorm = 1e9;
/// Clusters that a step takes of one stretch: of so few stretches that neighbours still meet in a step.
constexpr std::int64_t kClustersOfAStretch = 4;

}  // namespace

bool decides_training(const std::string& name) {
    return name.starts_with("model.") ||
           (name.starts_with("train.") && name != "train.checkpoint_minutes" &&
            name != "train.keep_checkpoints" && name != "train.validate_every" &&
            name != "train.decode_chunk" && name != "train.counts_on_disk");
}

std::string train_fingerprint(const Config& config) {
    std::string text = prepare_fingerprint(config);
    for (const auto& [name, value] : list_options(config))
        if (decides_training(name)) text += name + "=" + value + ";";
    return text;
}

Trainer::Trainer(std::shared_ptr<const Backend> backend, const Config& config,
                 const std::filesystem::path& prepared)
    : backend_(std::move(backend)),
      comm_(backend_->comm()),
      seed_(static_cast<std::uint64_t>(config.runtime.seed)),
      data_(load_rank_data(comm_, prepared, config)),
      placed_(backend_, data_),
      config_(derive_from_size(config, size_of(data_.summary))),
      model_(make_model(config_.model, sizes_of(data_.summary), seed_)),
      loss_(placed_, config_.model, config_.train, seed_) {
    require_possible(*backend_, config_.train);
    const LibraryMoments library = library_moments(comm_, data_);
    model_.log_library_mean = library.log_mean;
    model_.log_library_std = library.log_std;
    if (config.train.learnable_weights)
        model_.loss_log_variances =
            (-0.1 * torch::log(torch::tensor({config.train.w_rec, config.train.w_kl, config.train.w_diff})))
                .to(torch::kFloat32)
                .set_requires_grad(true);
    const GeneMoments moments = gene_moments(comm_, data_, config.model.library == "size_factor");
    model_.decoder->start_at(moments.profile, moments.dispersion,
                             batch_shifts(comm_, data_, config.model.library == "size_factor"));
    if (config.train.gene_sample > 0) loss_.sample_genes(moments.profile);
    model_.to(backend_->device());
    const std::vector<torch::Tensor> parameters = backward_order(model_);
    joint_gradients_ =
        std::make_unique<ReducedGradients>(*backend_, parameters, model_.encoder->sparse_weights());
    joint_optimiser_ = std::make_unique<Optimiser>(parameters, config.train.weight_decay);
    average_ = std::make_unique<MovingAverage>(model_.score_net->parameters(), config.train.ema_decay);
}

std::int64_t Trainer::steps_a_pass() const {
    return lapatlas::steps_a_pass(config_.train, static_cast<double>(data_.summary.num_train),
                                  data_.map.num_clusters());
}

std::int64_t Trainer::steps_an_epoch() const {
    return lapatlas::steps_an_epoch(config_.train, static_cast<double>(data_.summary.num_train),
                                    data_.map.num_clusters());
}

std::int64_t Trainer::joint_steps() const { return steps_an_epoch() * config_.train.joint_epochs; }

std::vector<std::int64_t> Trainer::gradient_sizes() const {
    std::vector<std::int64_t> sizes;
    for (const torch::Tensor& parameter : joint_optimiser_->parameters()) sizes.push_back(parameter.numel());
    return sizes;
}

std::vector<std::uint8_t> Trainer::active_clusters(std::int64_t step) const {
    const std::int64_t clusters = data_.map.num_clusters(), steps = steps_a_pass();
    std::vector<std::uint8_t> active(static_cast<std::size_t>(clusters), steps == 1 ? 1 : 0);
    if (steps == 1) return active;
    // Every pass deals all clusters to its steps in a new random order, the same on every rank. A step takes
    // a few of every stretch of neighbouring clusters: it sees all sides of the atlas, and every rank, which
    // owns such stretches, has about as much to do as the others.
    const std::int64_t pass = step / steps, place = step % steps;
    const std::int64_t stretches = std::max<std::int64_t>(1, clusters / steps / kClustersOfAStretch);
    const PlacedRandom random(seed_, RandomStream::kClusterChoice);
    std::vector<std::tuple<double, std::int64_t, std::int64_t>>
        order;  // place in the stretch, stretch, cluster
    for (std::int64_t stretch = 0; stretch < stretches; ++stretch) {
        std::vector<std::pair<double, std::int64_t>> shuffled;
        for (std::int64_t c = stretch * clusters / stretches; c < (stretch + 1) * clusters / stretches; ++c)
            shuffled.emplace_back(
                random.uniform(static_cast<std::uint64_t>(c), static_cast<std::uint32_t>(pass)), c);
        std::sort(shuffled.begin(), shuffled.end());
        for (std::size_t i = 0; i < shuffled.size(); ++i)
            order.emplace_back(static_cast<double>(i) / static_cast<double>(shuffled.size()), stretch,
                               shuffled[i].second);
    }
    std::sort(order.begin(), order.end());
    for (std::int64_t i = place * clusters / steps; i < (place + 1) * clusters / steps; ++i)
        active[static_cast<std::size_t>(std::get<2>(order[static_cast<std::size_t>(i)]))] = 1;
    return active;
}

void Trainer::read_ahead(std::int64_t step) const {
    if (!data_.counts.has_entries_in_files()) return;
    for (const std::int64_t wanted : {step, step + 1})
        prefetch_counts(data_, training_rows_of(data_, comm_.rank(), active_clusters(wanted)));
}

void Trainer::give_up_counts(std::int64_t step) const {
    if (!data_.counts.has_entries_in_files()) return;
    release_counts(data_, training_rows_of(data_, comm_.rank(), active_clusters(step)));
}

void Trainer::check_finite(const LossTerms& terms, double gradient_norm, const char* phase,
                           std::int64_t step) const {
    const std::pair<const char*, double> named[] = {{"reconstruction loss", terms.reconstruction},
                                                    {"KL term", terms.kl},
                                                    {"diffusion loss", terms.diffusion},
                                                    {"gradient norm", gradient_norm}};
    for (const auto& [name, value] : named)
        if (!std::isfinite(value) || (std::string(name) == "gradient norm" && value > kExplodedNorm))
            throw InternalError(
                std::string("training stopped at ") + phase + " step " + std::to_string(step) + ": " + name +
                " is " + std::to_string(value) +
                "; a checkpoint written before stays; lower train.learning_rate or train.clip_norm");
}

Trainer::StepResult Trainer::joint_step() {
    const std::int64_t step = joint_steps_done_;
    const std::vector<std::uint8_t> active = active_clusters(step);
    read_ahead(step);
    const JointLoss::Result part =
        loss_(model_, active, static_cast<std::uint32_t>(step), joint_gradients_.get());
    joint_gradients_->begin();
    part.loss.backward();
    // First, since it waits for other ranks with a limit of time; what is read below waits without.
    joint_gradients_->finish();
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
    result.gradient_norm = clip_gradients(joint_optimiser_->parameters(), config_.train.clip_norm);
    check_finite(result.terms, result.gradient_norm, "joint", step);
    result.learning_rate = config_.train.learning_rate *
                           learning_rate_factor(step, joint_steps(), config_.train.warmup_fraction);
    joint_optimiser_->step(result.learning_rate);
    average_->update();

    // The diffused latents are standardised by running figures while the encoder still moves.
    const double count = std::max(1.0, sums[6]) * static_cast<double>(config_.model.latent);
    const double mean = sums[4] / count;
    const double deviation = std::sqrt(std::max(1e-12, sums[5] / count - mean * mean));
    const double keep = step == 0 ? 0 : 0.99;
    model_.latent_mean = keep * model_.latent_mean + (1 - keep) * mean;
    model_.latent_std = keep * model_.latent_std + (1 - keep) * deviation;
    give_up_counts(step);
    ++joint_steps_done_;
    if (joint_steps_done_ == joint_steps()) fit_label_dispersions();
    return result;
}

Trainer::Validation Trainer::validate() {
    const torch::NoGradGuard no_grad;
    const Posterior posterior = encode_rows(placed_, model_, config_.train);
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < data_.splits.size(); ++i)
        if (data_.splits[i] == 1) chosen.push_back(data_.num_train_rows + static_cast<std::int64_t>(i));
    double sums[3] = {0, 0, static_cast<double>(chosen.size())};
    constexpr std::size_t kCellsAtOnce = 8192;
    for (std::size_t first = 0; first < chosen.size(); first += kCellsAtOnce) {
        const std::span<const std::int64_t> rows = std::span<const std::int64_t>(chosen).subspan(
            first, std::min(kCellsAtOnce, chosen.size() - first));
        const CellBatch cells = placed_.cell_batch(rows);
        const torch::Tensor index = backend_->tensor(rows);
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

void Trainer::freeze() {
    if (frozen_) return;
    // From a fresh start, so that a resumed run freezes the same latents.
    const std::vector<double> eigenvector = loss_.perturbation().eigenvector();
    loss_.perturbation().set_eigenvector(std::vector<double>(eigenvector.size(), 1.0));
    frozen_ = std::make_unique<FrozenLatents>(*backend_, data_.num_train_rows, config_.model.latent, seed_);
    for (std::int64_t draw = 0; draw < FrozenLatents::kDraws; ++draw)
        for (std::int64_t place = 0; place < steps_a_pass(); ++place) {
            // The first step of a pass beyond those of training.
            const std::int64_t pass = joint_steps() / steps_a_pass() + 1 + draw;
            const std::int64_t step = pass * steps_a_pass() + place;
            read_ahead(step);
            frozen_->add(draw, loss_.encode_as_trained(model_, active_clusters(step),
                                                       static_cast<std::uint32_t>(step)));
            give_up_counts(step);
        }
    loss_.perturbation().set_eigenvector(eigenvector);
    const FrozenLatents::Moments moments = frozen_->moments(comm_);
    model_.latent_mean = moments.mean;
    model_.latent_std = moments.std;
}

void Trainer::fit_label_dispersions() {
    if (!model_.decoder->dispersion_shift().defined()) return;
    constexpr std::int64_t kMostCells = 16384;
    freeze();
    // Draws of the posterior and of dropout, as the networks were trained on.
    const std::vector<std::int64_t> rows = even_training_rows(data_, kMostCells);
    std::vector<std::int64_t> ids;
    for (const std::int64_t row : rows)
        ids.push_back(data_.train_graph.owned_ids[static_cast<std::size_t>(row)]);
    const auto stamp = static_cast<std::uint32_t>(joint_steps());
    const CellBatch cells = placed_.cell_batch(rows);
    torch::Tensor hidden;
    {
        const torch::NoGradGuard no_grad;
        hidden = model_.decoder->hidden(
            frozen_->draw(std::vector<std::int64_t>(rows.size(), 0), rows, ids, stamp), cells.batches,
            drawn_dropout(*backend_, config_.model.dropout, {seed_, stamp, backend_->tensor(ids)},
                          DropoutLayers::kDecoder));
    }
    fit_dispersions_by_label(comm_, model_.decoder, hidden, cells, config_.train.decode_chunk);
}

void Trainer::make_score_phase() {
    freeze();
    std::vector<torch::Tensor> parameters = model_.score_net->parameters();
    std::reverse(parameters.begin(), parameters.end());
    // Two sets of hooks on one parameter would both claim its gradient.
    joint_gradients_.reset();
    score_gradients_ =
        std::make_unique<ReducedGradients>(*backend_, parameters, std::vector<torch::Tensor>{});
    if (score_optimiser_ == nullptr)
        score_optimiser_ = std::make_unique<Optimiser>(parameters, config_.train.weight_decay);
}

ClassifierPhase& Trainer::classifier() {
    freeze();
    if (classifier_ == nullptr)
        classifier_ = std::make_unique<ClassifierPhase>(placed_, config_, model_, *frozen_, seed_);
    return *classifier_;
}

Trainer::StepResult Trainer::score_step() {
    if (score_gradients_ == nullptr) make_score_phase();
    const std::int64_t step = score_steps_done_;
    const auto stamp = static_cast<std::uint32_t>(joint_steps() + step);
    // The batch is the same set of cells on any number of ranks; each rank takes those it owns.
    const std::int64_t batch = config_.train.score_batch;
    const PlacedRandom random(seed_, RandomStream::kScoreBatch);
    const double shift = random.uniform(static_cast<std::uint64_t>(batch), stamp);
    std::vector<std::int64_t> places, draws, rows;
    std::vector<std::int32_t> labels;
    std::vector<float> uniforms, library;
    for (std::int64_t i = 0; i < batch; ++i) {
        const auto row =
            std::min(data_.summary.num_train - 1,
                     static_cast<std::int64_t>(random.uniform(static_cast<std::uint64_t>(i), stamp) *
                                               static_cast<double>(data_.summary.num_train)));
        if (data_.map.owner(row) != comm_.rank()) continue;
        places.push_back(i);
        const auto local = static_cast<std::size_t>(data_.map.local_row(row));
        rows.push_back(static_cast<std::int64_t>(local));
        draws.push_back((step + i) % FrozenLatents::kDraws);
        labels.push_back(data_.labels[local]);
        library.push_back(data_.library[local]);
        // Times are spread evenly over the batch: the same expectation, less noise.
        const double place = (static_cast<double>(i) + shift) / static_cast<double>(batch);
        uniforms.push_back(static_cast<float>(std::clamp(place - std::floor(place), 1e-6, 1 - 1e-6)));
    }
    const torch::Tensor z = frozen_->draw(draws, rows, places, stamp);
    times_from_uniforms(uniforms, config_.train.times, model_.process);
    const CellDraws cell_draws{seed_, stamp, backend_->tensor(places)};
    const torch::Tensor noise =
        backend_->normals(cell_draws, RandomStream::kDiffusionNoise, model_.diffused_width());
    torch::Tensor loss;
    {
        const MixedPrecision rounding = mixed_precision(*backend_, config_.train);
        loss =
            diffusion_loss(
                model_.score_net, model_.diffused(z, library), backend_->tensor(uniforms), noise,
                backend_->tensor(training_labels(labels, places, config_.train.label_dropout, seed_, stamp)),
                placed_.batches(rows),
                drawn_dropout(*backend_, config_.model.score_dropout, cell_draws, DropoutLayers::kScoreNet)) /
            static_cast<double>(batch);
    }
    score_gradients_->begin();
    loss.backward();
    StepResult result;
    score_gradients_->finish();
    result.loss = result.terms.diffusion = all_reduce_sum(comm_, loss.item<double>());
    result.num_cells = batch;
    result.gradient_norm = clip_gradients(score_optimiser_->parameters(), config_.train.clip_norm);
    check_finite(result.terms, result.gradient_norm, "score", step);
    result.learning_rate =
        config_.train.score_learning_rate *
        learning_rate_factor(step, config_.train.score_steps, config_.train.warmup_fraction);
    score_optimiser_->step(result.learning_rate);
    average_->update();
    ++score_steps_done_;
    return result;
}

}  // namespace lapatlas
