#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace lapatlas {

/// The forward process in T discrete steps (Ho et al. 2020): x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps,
/// abar_t the product of 1 - beta_s over s = 1 .. t, abar_0 = 1; beta rises linearly. Steps count from 1.
class DdpmSchedule {
  public:
    /// ConfigError unless num_steps >= 2 and 0 < first_beta <= last_beta < 1.
    DdpmSchedule(std::int64_t num_steps, double first_beta, double last_beta);

    std::int64_t num_steps() const { return static_cast<std::int64_t>(betas_.size()) - 1; }
    double beta(std::int64_t step) const { return betas_[static_cast<std::size_t>(step)]; }
    double alpha_bar(std::int64_t step) const { return alpha_bars_[static_cast<std::size_t>(step)]; }
    /// The last step whose alpha_bar is above `bound`; 0 where that of step 1 is not.
    std::int64_t last_step_above(double bound) const;

  private:
    std::vector<double> betas_, alpha_bars_;  // [T + 1], of step 0: 0 and 1
};

/// eps(x, t): the noise in x [n, d] at a step t >= 1.
using StepNoisePredictor = std::function<at::Tensor(const at::Tensor& x, std::int64_t step)>;
/// Standard normals of the shape of x for a step.
using AncestralNoise = std::function<at::Tensor(std::int64_t step)>;

/// Carries x_first [n, d] back to step 0 (Ho et al. 2020, algorithm 2; DICE eq. 7): x_(t-1) = (x_t - beta_t
/// eps / sqrt(1 - abar_t)) / sqrt(1 - beta_t) + sqrt(beta_t) xi, without xi at t = 1. One evaluation of
/// `predict` a step, none where `first` is 0.
at::Tensor ancestral_sample(const DdpmSchedule& schedule, const StepNoisePredictor& predict, at::Tensor x,
                            std::int64_t first, const AncestralNoise& noise);

/// A sample of x_0 given x_first in `evaluations` evaluations of `predict` instead of `first`:
/// SDE-DPM-Solver++ 2M (Lu et al. 2022, data prediction, second order in lambda) over steps spaced evenly in
/// lambda, the last one without noise. The ancestral chain where it is no longer than that.
at::Tensor fast_sample(const DdpmSchedule& schedule, const StepNoisePredictor& predict, at::Tensor x,
                       std::int64_t first, std::int64_t evaluations, const AncestralNoise& noise);

}  // namespace lapatlas
