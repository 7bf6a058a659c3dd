#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "src/train/checkpoint.hpp"
#include "src/train/frozen_latents.hpp"
#include "src/train/model.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/placed_data.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// Trains the label classifier of a model whose encoder is frozen: noisy latents of labelled training cells,
/// at times in the half of the diffusion with less noise, until the loss of the validation cells has not
/// fallen for train.classifier_patience epochs (without labelled validation cells: for all epochs). The
/// weights of the best epoch stay. A step is the same set of cells, times and noise on any number of ranks.
class ClassifierPhase {
  public:
    /// Collective. Views all of them.
    ClassifierPhase(const PlacedData& placed, const Config& config, Model& model, const FrozenLatents& frozen,
                    std::uint64_t seed);

    struct Epoch {
        double loss = 0;                                      ///< mean over the epoch's steps, nats a cell
        double validation_loss = 0, validation_accuracy = 0;  ///< NaN without validation cells
    };
    /// Collective. InternalError on all ranks if the loss is not finite.
    Epoch epoch();
    std::int64_t epochs_done() const { return epochs_done_; }
    bool is_complete() const;

    void store(Checkpoint& checkpoint);
    void restore(const Checkpoint& checkpoint);

  private:
    double step(std::int64_t step);
    Epoch validate();

    const PlacedData& placed_;
    const Config& config_;
    Model& model_;
    const FrozenLatents& frozen_;
    std::uint64_t seed_;
    // Labelled validation cells.
    torch::Tensor validation_latents_;  // [cells, diffused width], standardised
    std::vector<std::int64_t> validation_labels_, validation_ids_;
    std::int64_t num_validation_ = 0;  ///< on all ranks
    std::unique_ptr<ReducedGradients> gradients_;
    std::unique_ptr<Optimiser> optimiser_;
    std::vector<torch::Tensor> state_;  ///< parameters and what batch norms keep
    std::vector<torch::Tensor> best_;   ///< the same, of the best epoch
    double best_loss_;
    std::int64_t epochs_done_ = 0, stale_epochs_ = 0;
};

}  // namespace lapatlas
