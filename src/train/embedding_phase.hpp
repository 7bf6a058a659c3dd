#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "src/train/checkpoint.hpp"
#include "src/train/frozen_latents.hpp"
#include "src/train/joint_step.hpp"

namespace lapatlas {

/// What came of a step of training.
struct StepResult {
    LossTerms terms;
    double loss = 0;  ///< the terms, weighted
    double gradient_norm = 0;
    double learning_rate = 0;
    std::int64_t num_cells = 0;
};

/// Of the validation cells, means a cell; NaN where there are none.
struct Validation {
    double reconstruction;
    double kl;
};

/// How a model's embedding is fitted: the first phase of training, in steps that are functions of (data,
/// configuration, step) on any number of ranks, up to rounding.
class EmbeddingPhase {
  public:
    virtual ~EmbeddingPhase() = default;

    /// Steps in which every training cell's loss counts once, on average; of the whole phase.
    virtual std::int64_t steps_an_epoch() const = 0;
    virtual std::int64_t steps() const = 0;
    /// Collective. Step `step`, of those before it all being done. InternalError, on all ranks, that names
    /// step and term if a loss or gradient is not finite; the weights are then as before.
    virtual StepResult step(std::int64_t step) = 0;
    /// Collective.
    virtual Validation validate() = 0;
    /// Collective. Latents of all training cells with the networks as they are.
    virtual std::unique_ptr<FrozenLatents> freeze() = 0;
    /// No more steps: gradients of its parameters may be had by others.
    virtual void end_steps() = 0;

    /// Values of each gradient in the order in which they are summed over ranks.
    virtual std::vector<std::int64_t> gradient_sizes() const = 0;
    virtual double reduce_wait_seconds() const = 0;
    /// Of the halo exchanges since the beginning; nothing where there are none.
    virtual HaloStatistics halo() const { return {}; }
    /// Share of the edges whose weight the last step changed; NaN where none can be.
    virtual double edges_changed() const { return std::numeric_limits<double>::quiet_NaN(); }

    /// Collective. On the root; others' checkpoints are not looked at.
    virtual void store(Checkpoint& checkpoint) = 0;
    virtual void restore(const Checkpoint& checkpoint) = 0;
};

/// InternalError that names step and term where one is not finite, or the gradient is beyond all bounds.
void require_finite(const LossTerms& terms, double gradient_norm, const char* phase, std::int64_t step);

}  // namespace lapatlas
