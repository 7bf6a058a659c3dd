#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dist/log.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/classifier_phase.hpp"
#include "src/train/embedding_phase.hpp"
#include "src/train/frozen_latents.hpp"
#include "src/train/metrics_file.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// Whether the option "section.key" decides the weights, given what was prepared.
bool decides_training(const std::string& name);

/// Of every option that decides the weights: two runs with the same one may share a checkpoint.
std::string train_fingerprint(const Config& config);

/// Trains the three networks on one prepared dataset: first together on the graph, then the ScoreNet alone on
/// frozen latents (method: LapDDPM algorithm 1, with the schedule in two phases). Every step is a function of
/// (data, configuration, step) on any number of ranks, up to rounding.
class Trainer {
  public:
    /// Collective. What `config` leaves to the size of the data is filled in.
    Trainer(std::shared_ptr<const Backend> backend, const Config& config,
            const std::filesystem::path& prepared);

    const RankData& data() const { return data_; }
    const PlacedData& placed() const { return placed_; }
    const Config& config() const { return config_; }  ///< with what the data's size decides
    Model& model() { return model_; }
    /// Steps in which every training cell's loss counts once, on average.
    std::int64_t steps_an_epoch() const { return embedding_->steps_an_epoch(); }
    std::int64_t joint_steps() const { return embedding_->steps(); }
    std::int64_t joint_steps_done() const { return joint_steps_done_; }
    std::int64_t score_steps_done() const { return score_steps_done_; }
    bool is_complete() const {
        return joint_steps_done_ == joint_steps() && score_steps_done_ == config_.train.score_steps &&
               !needs_classifier();
    }

    /// Whether the model has a classifier whose training is not done.
    bool needs_classifier() const {
        return !model_.classifier.is_empty() && (classifier_ == nullptr || !classifier_->is_complete());
    }
    /// Collective. Of the frozen latents, once the score steps are done.
    ClassifierPhase& classifier();

    /// Collective. InternalError, on all ranks, that names step and term if a loss or gradient is not finite;
    /// the weights are then as before the step.
    StepResult joint_step();
    /// Collective. The first call freezes posteriors of all training cells: those the decoder was trained on,
    /// of masked counts on the graphs of clusters, since what it makes of others it has never been told.
    StepResult score_step();

    /// Collective. The same freezing, where no score step has done it: checkpoints then hold reference
    /// latents.
    void freeze();

    /// Collective. Mean negative log-likelihood (at the posterior mean) and KL of the validation cells.
    Validation validate() { return embedding_->validate(); }

    /// Collective. Root returns the state; others an empty checkpoint.
    Checkpoint checkpoint() const;
    /// Collective (only reads `checkpoint`, which must be whole on every rank). ConfigError, which names it
    /// by `name`, where it is of other data or options.
    void restore(const Checkpoint& checkpoint, const std::string& name = "the checkpoint");

    /// Values of each gradient of the first phase in the order in which they are summed over ranks.
    std::vector<std::int64_t> gradient_sizes() const { return embedding_->gradient_sizes(); }
    HaloStatistics halo() const { return embedding_->halo(); }
    double edges_changed() const { return embedding_->edges_changed(); }
    double reduce_wait_seconds() const {
        return score_gradients_ ? score_gradients_->exposed_seconds() : embedding_->reduce_wait_seconds();
    }

  private:
    void make_score_phase();

    std::shared_ptr<const Backend> backend_;
    Communicator comm_;
    std::uint64_t seed_;
    RankData data_;
    PlacedData placed_;
    Config config_;
    Model model_;
    std::unique_ptr<MovingAverage> average_;
    std::unique_ptr<EmbeddingPhase> embedding_;
    std::unique_ptr<ReducedGradients> score_gradients_;
    std::unique_ptr<Optimiser> score_optimiser_;
    std::unique_ptr<FrozenLatents> frozen_;
    std::unique_ptr<ClassifierPhase> classifier_;
    std::int64_t joint_steps_done_ = 0, score_steps_done_ = 0;
};

/// Collective. The `train` stage: trains to the end, or goes on from RUN/checkpoints/last.h5; writes
/// metrics.csv and checkpoints.
void train(const std::shared_ptr<const Backend>& backend, const Config& config,
           const std::filesystem::path& run_dir, const std::map<std::string, std::string>& provenance,
           Log& log);

}  // namespace lapatlas
