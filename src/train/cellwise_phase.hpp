#pragma once

#include "src/train/dealt_cells.hpp"
#include "src/train/embedding_phase.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// An embedding that looks at each cell alone: steps over batches of cells, the same cells on any number of
/// ranks, each of which takes those it owns. An embedding without parameters has no steps.
class CellwisePhase : public EmbeddingPhase {
  public:
    /// Collective. Views all of them; principal components are found here.
    CellwisePhase(const PlacedData& placed, const Config& config, Model& model, std::uint64_t seed);

    std::int64_t steps_an_epoch() const override { return cells_.steps_an_epoch(); }
    std::int64_t steps() const override;
    StepResult step(std::int64_t step) override;
    /// Reconstruction: CellEmbedding::errors; there is no KL.
    Validation validate() override;
    /// Also fits what the embedding leaves to its end.
    std::unique_ptr<FrozenLatents> freeze() override;
    void end_steps() override { gradients_.reset(); }

    std::vector<std::int64_t> gradient_sizes() const override;
    double reduce_wait_seconds() const override { return gradients_ ? gradients_->exposed_seconds() : 0; }
    void store(Checkpoint& checkpoint) override;
    void restore(const Checkpoint& checkpoint) override;

  private:
    void fit_principal_components();
    void measure_proteins();
    /// `rows` of the data, without draws.
    CellsOfStep cells_of(std::span<const std::int64_t> rows) const;
    /// In blocks, in order.
    void visit_training_rows(const std::function<void(std::span<const std::int64_t>)>& visit) const;

    const PlacedData& placed_;
    const RankData& data_;
    const Backend& backend_;
    Communicator comm_;
    const Config& config_;
    Model& model_;
    std::uint64_t seed_;
    DealtCells cells_;
    std::unique_ptr<ReducedGradients> gradients_;  ///< both: none where there is nothing to train
    std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace lapatlas
