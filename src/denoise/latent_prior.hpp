#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "src/backend/backend.hpp"
#include "src/config/denoise_options.hpp"
#include "src/diffusion/ddpm.hpp"
#include "src/diffusion/residual_mlp.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/dealt_cells.hpp"
#include "src/train/optimiser.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

/// Latents of all cells of the reference, whole on every rank.
struct ReferenceLatents {
    std::int64_t width = 0;
    std::vector<float> values;         // [cells, width]
    std::vector<std::int32_t> labels;  // [cells], -1: none
    std::int64_t num_cells() const { return static_cast<std::int64_t>(labels.size()); }
};

/// The diffusion prior of DICE (appendix A, algorithm 2): a residual MLP that predicts the noise in latents
/// of the reference at the steps of a discrete diffusion. A step of training is the same set of cells, times,
/// mixtures and noise on any number of ranks, each of which takes an equal share.
class LatentPrior {
  public:
    /// Collective. Views `reference`, which is whole on every rank, or empty where the prior is only used.
    LatentPrior(std::shared_ptr<const Backend> backend, const DenoiseOptions& options, std::int64_t width,
                const ReferenceLatents& reference, std::uint64_t seed);

    const DdpmSchedule& schedule() const { return schedule_; }
    std::int64_t num_steps() const;
    std::int64_t steps_done() const { return steps_done_; }
    bool is_complete() const { return steps_done_ == num_steps(); }
    /// Collective. Mean squared error of the predicted noise, a value each. InternalError on all ranks if it
    /// is not finite.
    double step();

    /// Latent [width] of a cell as a step sees it: its own, or a mixture with four others of its label (DICE,
    /// appendix C).
    std::vector<float> cell_in_step(std::int64_t cell, std::int64_t step) const;
    /// Predicted noise of latents x [n, width] at a step of the diffusion; needs no gradient, changes
    /// nothing.
    torch::Tensor predict(const torch::Tensor& x, std::int64_t step);

    void store(Checkpoint& checkpoint);
    void restore(const Checkpoint& checkpoint);

  private:
    std::shared_ptr<const Backend> backend_;
    DenoiseOptions options_;
    const ReferenceLatents& reference_;
    std::uint64_t seed_;
    DdpmSchedule schedule_;
    ResidualMlp network_;
    std::vector<std::vector<std::int64_t>> cells_of_label_;
    DealtCells cells_;
    std::unique_ptr<ReducedGradients> gradients_;
    std::unique_ptr<Optimiser> optimiser_;
    std::int64_t steps_done_ = 0;
};

}  // namespace lapatlas
