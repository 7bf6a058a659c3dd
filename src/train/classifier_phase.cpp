#include "src/train/classifier_phase.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/train/encode.hpp"
#include "src/train/joint_step.hpp"

namespace lapatlas {

namespace {

/// Latents as noisy as they are in the half of the diffusion with less noise, [n, width].
struct NoisyLatents {
    torch::Tensor z, times;
};

NoisyLatents add_noise(const Backend& backend, const torch::Tensor& latents, std::span<const double> uniforms,
                       const ForwardProcess& process, const std::string& how, const CellDraws& draws,
                       RandomStream stream) {
    const TrainingTimes spread = training_times_from_name(how);
    std::vector<float> times;
    for (const double uniform : uniforms)
        times.push_back(static_cast<float>(process.training_time(uniform, spread, kGuidedShare)));
    const torch::Tensor t = backend.tensor(times);
    return {noisy_latents(latents, t, backend.normals(draws, stream, latents.size(1))), t};
}

double inside(double uniform) { return std::clamp(uniform, 1e-6, 1 - 1e-6); }

}  // namespace

ClassifierPhase::ClassifierPhase(const PlacedData& placed, const Config& config, Model& model,
                                 const FrozenLatents& frozen, std::uint64_t seed)
    : placed_(placed),
      config_(config),
      model_(model),
      frozen_(frozen),
      seed_(seed),
      best_loss_(std::numeric_limits<double>::infinity()) {
    const RankData& data = placed.data();
    const Backend& backend = placed.backend();
    std::vector<torch::Tensor> parameters = model.classifier->parameters();
    std::reverse(parameters.begin(), parameters.end());
    gradients_ = std::make_unique<ReducedGradients>(backend, parameters, std::vector<torch::Tensor>{});
    optimiser_ = std::make_unique<Optimiser>(parameters, config.train.weight_decay);
    state_ = parameters;
    for (const torch::Tensor& buffer : model.classifier->buffers()) state_.push_back(buffer);
    for (const torch::Tensor& tensor : state_) best_.push_back(tensor.detach().clone());

    const torch::NoGradGuard no_grad;
    std::vector<std::int64_t> rows;
    std::vector<float> library;
    for (const std::int64_t row : validation_rows(data)) {
        if (data.labels[static_cast<std::size_t>(row)] < 0) continue;
        rows.push_back(row);
        library.push_back(data.library[static_cast<std::size_t>(row)]);
        validation_labels_.push_back(data.labels[static_cast<std::size_t>(row)]);
        validation_ids_.push_back(data.full_graph.owned_ids[static_cast<std::size_t>(row)]);
    }
    num_validation_ = all_reduce_sum(backend.comm(), std::ssize(rows));
    if (num_validation_ == 0) return;
    // Masked as the decoder's latents are.
    const Posterior posterior = encode_rows(placed, model, config.train, config.train.mask_fraction, seed);
    validation_latents_ =
        model.diffused(posterior.mean.index_select(0, backend.tensor(rows)), library).detach();
}

bool ClassifierPhase::is_complete() const {
    return epochs_done_ >= config_.train.classifier_epochs ||
           (num_validation_ > 0 && stale_epochs_ >= config_.train.classifier_patience);
}

double ClassifierPhase::step(std::int64_t step) {
    const RankData& data = placed_.data();
    const Backend& backend = placed_.backend();
    const auto stamp = static_cast<std::uint32_t>(step);
    const std::int64_t batch = config_.train.classifier_batch;
    const PlacedRandom random(seed_, RandomStream::kClassifierBatch);
    std::vector<std::int64_t> places, draws, rows, labels;
    std::vector<float> library;
    std::vector<double> uniforms;
    for (std::int64_t i = 0; i < batch; ++i) {
        const auto id = static_cast<std::uint64_t>(i);
        const auto row = std::min(data.summary.num_train - 1,
                                  static_cast<std::int64_t>(random.uniform(2 * id, stamp) *
                                                            static_cast<double>(data.summary.num_train)));
        if (data.map.owner(row) != backend.comm().rank()) continue;
        const auto local = static_cast<std::size_t>(data.map.local_row(row));
        if (data.labels[local] < 0) continue;
        places.push_back(i);
        draws.push_back((step + i) % frozen_.encodings());
        rows.push_back(static_cast<std::int64_t>(local));
        labels.push_back(data.labels[local]);
        library.push_back(data.library[local]);
        uniforms.push_back(inside(random.uniform(2 * id + 1, stamp)));
    }
    const auto num_cells =
        static_cast<double>(std::max<std::int64_t>(1, all_reduce_sum(backend.comm(), std::ssize(rows))));
    const torch::Tensor latents = model_.diffused(frozen_.draw(draws, rows, places, stamp), library);
    const CellDraws cell_draws{seed_, stamp, backend.tensor(places)};
    const NoisyLatents noisy = add_noise(backend, latents, uniforms, model_.process, config_.train.times,
                                         cell_draws, RandomStream::kClassifierNoise);
    model_.classifier->train();
    const torch::Tensor logits = model_.classifier->forward(
        noisy.z, noisy.times,
        drawn_dropout(backend, config_.train.classifier_dropout, cell_draws, DropoutLayers::kClassifier),
        sum_over_ranks(backend.comm()));
    const torch::Tensor loss =
        torch::nll_loss(torch::log_softmax(logits, 1), backend.tensor(labels), {}, at::Reduction::Sum) /
        num_cells;
    gradients_->begin();
    loss.backward();
    gradients_->finish();
    const double whole = all_reduce_sum(backend.comm(), loss.item<double>());
    if (!std::isfinite(whole))
        throw InternalError("training of the classifier stopped at step " + std::to_string(step) +
                            ": its loss is " + std::to_string(whole) +
                            "; lower train.classifier_learning_rate");
    clip_gradients(optimiser_->parameters(), config_.train.clip_norm);
    optimiser_->step(config_.train.classifier_learning_rate);
    model_.classifier->eval();
    return whole;
}

ClassifierPhase::Epoch ClassifierPhase::validate() {
    Epoch epoch;
    epoch.validation_loss = epoch.validation_accuracy = std::nan("");
    if (num_validation_ == 0) return epoch;
    const torch::NoGradGuard no_grad;
    const Backend& backend = placed_.backend();
    // The same noise every time, so that epochs can be compared.
    const PlacedRandom random(seed_, RandomStream::kClassifierValidation);
    std::vector<double> uniforms;
    for (const std::int64_t id : validation_ids_)
        uniforms.push_back(inside(random.uniform(static_cast<std::uint64_t>(id))));
    double sums[2] = {0, 0};
    if (!validation_ids_.empty()) {
        const NoisyLatents noisy =
            add_noise(backend, validation_latents_, uniforms, model_.process, config_.train.times,
                      {seed_, 1, backend.tensor(validation_ids_)}, RandomStream::kClassifierValidation);
        const torch::Tensor logits = model_.classifier->forward(noisy.z, noisy.times);
        const torch::Tensor labels = backend.tensor(validation_labels_);
        sums[0] =
            torch::nll_loss(torch::log_softmax(logits, 1), labels, {}, at::Reduction::Sum).item<double>();
        sums[1] = static_cast<double>((logits.argmax(1) == labels).sum().item<std::int64_t>());
    }
    all_reduce_sum(backend.comm(), std::span<double>(sums));
    epoch.validation_loss = sums[0] / static_cast<double>(num_validation_);
    epoch.validation_accuracy = sums[1] / static_cast<double>(num_validation_);
    return epoch;
}

ClassifierPhase::Epoch ClassifierPhase::epoch() {
    const std::int64_t steps =
        std::max<std::int64_t>(1, (placed_.data().summary.num_train + config_.train.classifier_batch - 1) /
                                      config_.train.classifier_batch);
    double loss = 0;
    for (std::int64_t i = 0; i < steps; ++i)
        loss += step(epochs_done_ * steps + i) / static_cast<double>(steps);
    Epoch epoch = validate();
    epoch.loss = loss;
    ++epochs_done_;
    const torch::NoGradGuard no_grad;
    if (num_validation_ == 0 || epoch.validation_loss < best_loss_) {
        best_loss_ = epoch.validation_loss;
        stale_epochs_ = 0;
        for (std::size_t i = 0; i < best_.size(); ++i) best_[i].copy_(state_[i]);
    } else {
        ++stale_epochs_;
    }
    if (is_complete())
        for (std::size_t i = 0; i < best_.size(); ++i) state_[i].copy_(best_[i]);
    return epoch;
}

void ClassifierPhase::store(Checkpoint& checkpoint) {
    store_tensors(checkpoint, "classifier_best", best_);
    store_optimiser(checkpoint, "classifier_optimiser", *optimiser_);
    checkpoint.counters["classifier_epochs_done"] = epochs_done_;
    checkpoint.counters["classifier_stale_epochs"] = stale_epochs_;
    checkpoint.numbers["classifier_best_loss"] = best_loss_;
}

void ClassifierPhase::restore(const Checkpoint& checkpoint) {
    restore_tensors(checkpoint, "classifier_best", best_);
    restore_optimiser(checkpoint, "classifier_optimiser", *optimiser_);
    epochs_done_ = checkpoint.counters.at("classifier_epochs_done");
    stale_epochs_ = checkpoint.counters.at("classifier_stale_epochs");
    best_loss_ = checkpoint.numbers.at("classifier_best_loss");
}

}  // namespace lapatlas
