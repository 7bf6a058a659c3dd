#pragma once

#include "src/train/dealt_clusters.hpp"
#include "src/train/embedding_phase.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// The embedding of scTAG (Yu et al. 2022), distributed as the core is: a step's graph is that of its METIS
/// clusters, the halo travels with every product. The loss is that of the paper: counts told from latents,
/// the graph told from latents, and, in the last train.target_epochs, latents drawn to the centres they
/// belong to (from a k-means on). Two changes make it one for atlases: the graph is told within clusters,
/// which hold most edges, not for every pair of cells; and the targets are of a step's cells.
class TagPhase : public EmbeddingPhase {
  public:
    /// Collective. Views all of them.
    TagPhase(const PlacedData& placed, const Config& config, Model& model, std::uint64_t seed);

    std::int64_t steps_an_epoch() const override { return clusters_.steps_an_epoch(); }
    std::int64_t steps() const override;
    /// Terms: reconstruction as in LapDDPM, and as KL that of the targets.
    StepResult step(std::int64_t step) override;
    Validation validate() override;
    std::unique_ptr<FrozenLatents> freeze() override;
    void end_steps() override { gradients_.reset(); }

    std::vector<std::int64_t> gradient_sizes() const override { return sizes_of_gradients(*optimiser_); }
    double reduce_wait_seconds() const override { return gradients_ ? gradients_->exposed_seconds() : 0; }
    HaloStatistics halo() const override { return halo_; }
    void store(Checkpoint& checkpoint) override;
    void restore(const Checkpoint& checkpoint) override;

  private:
    /// This rank's part of a step's graph.
    struct ActivePart {
        std::unique_ptr<InducedShard> induced;  ///< which the graph views
        std::shared_ptr<GraphOperator> graph;
        std::int64_t cells_of_all_ranks = 0;
        double pairs_of_all_ranks = 0;  ///< within clusters
    };
    ActivePart activate(std::int64_t step);
    /// [active rows, latent], of whole counts.
    torch::Tensor encode(const ActivePart& part, GradientSink* sink);
    torch::Tensor count_loss(const ActivePart& part, const torch::Tensor& z, std::int64_t step);
    torch::Tensor adjacency_loss(const ActivePart& part, const torch::Tensor& z) const;
    torch::Tensor target_loss(const ActivePart& part, const torch::Tensor& z) const;
    void start_centres();
    std::int64_t first_target_step() const;

    const PlacedData& placed_;
    const RankData& data_;
    const Backend& backend_;
    Communicator comm_;
    const Config& config_;
    Model& model_;
    std::uint64_t seed_;
    DealtClusters clusters_;
    HaloStatistics halo_;
    std::unique_ptr<ReducedGradients> gradients_;
    std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace lapatlas
