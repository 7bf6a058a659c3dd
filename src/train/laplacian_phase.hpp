#pragma once

#include <span>

#include "src/train/dealt_clusters.hpp"
#include "src/train/embedding_phase.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// The embedding of LapDDPM: encoder, decoder and ScoreNet trained together on the graph (algorithm 1).
class LaplacianPhase : public EmbeddingPhase {
  public:
    /// Collective. Views all but `profile`, the mean expression [genes] that train.gene_sample draws by;
    /// `average` is that of the ScoreNet.
    LaplacianPhase(const PlacedData& placed, const Config& config, Model& model, MovingAverage& average,
                   std::span<const float> profile, std::uint64_t seed);

    std::int64_t steps_an_epoch() const override { return clusters_.steps_an_epoch(); }
    std::int64_t steps() const override;
    StepResult step(std::int64_t step) override;
    Validation validate() override;
    /// Posteriors that the decoder was trained on, of masked counts on the graphs of clusters, since what it
    /// makes of others it has never been told.
    std::unique_ptr<FrozenLatents> freeze() override;
    void end_steps() override { gradients_.reset(); }

    std::vector<std::int64_t> gradient_sizes() const override { return sizes_of_gradients(*optimiser_); }
    double reduce_wait_seconds() const override { return gradients_ ? gradients_->exposed_seconds() : 0; }
    HaloStatistics halo() const override { return loss_.halo(); }
    double edges_changed() const override { return loss_.perturbation().share_changed(); }
    void store(Checkpoint& checkpoint) override;
    void restore(const Checkpoint& checkpoint) override;

  private:
    /// Collective. The labels' shifts of log theta, with the networks as they are: had they been learned
    /// together, a type's mean would have passed for its variance, and latents would say less of the type.
    void fit_label_dispersions();

    const PlacedData& placed_;
    const RankData& data_;
    const Backend& backend_;
    Communicator comm_;
    const Config& config_;
    Model& model_;
    MovingAverage& average_;
    std::uint64_t seed_;
    DealtClusters clusters_;
    JointLoss loss_;
    std::unique_ptr<ReducedGradients> gradients_;
    std::unique_ptr<Optimiser> optimiser_;
    std::unique_ptr<FrozenLatents>
        frozen_;  ///< made for the labels' dispersions, for whom freeze() next serves
};

}  // namespace lapatlas
