#pragma once

#include <cstdint>
#include <optional>

#include "src/diffusion/ddpm.hpp"
#include "src/diffusion/vp_sde.hpp"

namespace lapatlas {

/// What noise a model's latents are seen with: of a continuous process up to a longest time, or of a discrete
/// one. Networks and solvers know times of the continuous process alone; a step of a discrete one is the time
/// with the same share of noise, exp(-2t) = abar. So every solver works for both.
class ForwardProcess {
  public:
    /// The variance-preserving SDE of LapDDPM 3.2.2. ConfigError unless kShortestTime < longest < infinity.
    static ForwardProcess continuous(double longest);
    static ForwardProcess discrete(const DdpmSchedule& schedule);

    double longest() const { return longest_; }
    /// The time up to which `share` of the process goes.
    double time_at(double share) const;
    /// The training time that belongs to `uniform` in (0, 1), up to time_at(share); of a discrete process,
    /// where `times` is not looked at, all steps are as likely (Ho et al. 2020, algorithm 1).
    double training_time(double uniform, TrainingTimes times, double share = 1) const;
    /// Of a discrete process; null of a continuous one.
    const DdpmSchedule* schedule() const { return schedule_ ? &*schedule_ : nullptr; }

  private:
    explicit ForwardProcess(double longest) : longest_(longest) {}
    double longest_;
    std::optional<DdpmSchedule> schedule_;
};

/// The time at which the continuous process has the noise of a step.
double time_of_step(const DdpmSchedule& schedule, std::int64_t step);

}  // namespace lapatlas
