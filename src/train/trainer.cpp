#include "src/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dist/collectives.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/config/config.hpp"
#include "src/prepare.hpp"
#include "src/train/cellwise_phase.hpp"
#include "src/train/laplacian_phase.hpp"
#include "src/train/tag_phase.hpp"
#include "src/train/training_moments.hpp"

namespace lapatlas {

bool decides_training(const std::string& name) {
    return name.starts_with("model.") ||
           (name.starts_with("train.") && name != "train.checkpoint_minutes" &&
            name != "train.keep_checkpoints" && name != "train.validate_every" &&
            name != "train.decode_chunk" && name != "train.counts_on_disk" &&
            !name.starts_with("train.scorer"));
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
      model_(make_model(config_.model, sizes_of(data_.summary), seed_)) {
    require_possible(*backend_, config_.train);
    const LibraryMoments library = library_moments(comm_, data_);
    model_.log_library_mean = library.log_mean;
    model_.log_library_std = library.log_std;
    if (config.train.learnable_weights)
        model_.loss_log_variances =
            (-0.1 * torch::log(torch::tensor({config.train.w_rec, config.train.w_kl, config.train.w_diff})))
                .to(torch::kFloat32)
                .set_requires_grad(true);
    if (config.model.condition == "mean")
        model_.score_net->set_label_means(label_means(comm_, placed_.expression(), data_));
    GeneMoments moments;
    if (!model_.decoder.is_empty()) {
        const bool size_factor = config.model.library == "size_factor";
        moments = gene_moments(comm_, data_, size_factor);
        model_.decoder->start_at(moments.profile, moments.dispersion,
                                 batch_shifts(comm_, data_, size_factor));
    }
    model_.to(backend_->device());
    average_ = std::make_unique<MovingAverage>(model_.score_net->parameters(), config.train.ema_decay);
    if (model_.cellwise)
        embedding_ = std::make_unique<CellwisePhase>(placed_, config_, model_, seed_);
    else if (!model_.tag_encoder.is_empty())
        embedding_ = std::make_unique<TagPhase>(placed_, config_, model_, seed_);
    else
        embedding_ =
            std::make_unique<LaplacianPhase>(placed_, config_, model_, *average_, moments.profile, seed_);
}

StepResult Trainer::joint_step() {
    const StepResult result = embedding_->step(joint_steps_done_);
    ++joint_steps_done_;
    return result;
}

void Trainer::freeze() {
    if (frozen_) return;
    frozen_ = embedding_->freeze();
    const FrozenLatents::Moments moments = frozen_->moments(comm_);
    model_.latent_mean = moments.mean;
    model_.latent_std = moments.std;
}

void Trainer::make_score_phase() {
    freeze();
    std::vector<torch::Tensor> parameters = model_.score_net->parameters();
    std::reverse(parameters.begin(), parameters.end());
    // Two sets of hooks on one parameter would both claim its gradient.
    embedding_->end_steps();
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

StepResult Trainer::score_step() {
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
        draws.push_back((step + i) % frozen_->encodings());
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
                drawn_dropout(*backend_, config_.model.score_dropout, cell_draws, DropoutLayers::kScoreNet),
                placed_.covariates(rows, places, config_.train.covariate_dropout, seed_, stamp)) /
            static_cast<double>(batch);
    }
    score_gradients_->begin();
    loss.backward();
    StepResult result;
    score_gradients_->finish();
    result.loss = result.terms.diffusion = all_reduce_sum(comm_, loss.item<double>());
    result.num_cells = batch;
    result.gradient_norm = clip_gradients(score_optimiser_->parameters(), config_.train.clip_norm);
    require_finite(result.terms, result.gradient_norm, "score", step);
    result.learning_rate =
        config_.train.score_learning_rate *
        learning_rate_factor(step, config_.train.score_steps, config_.train.warmup_fraction);
    score_optimiser_->step(result.learning_rate);
    average_->update();
    ++score_steps_done_;
    return result;
}

}  // namespace lapatlas
