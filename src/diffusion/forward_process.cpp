#include "src/diffusion/forward_process.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "dist/error.hpp"

namespace lapatlas {

double time_of_step(const DdpmSchedule& schedule, std::int64_t step) {
    return -std::log(schedule.alpha_bar(step)) / 2;
}

ForwardProcess ForwardProcess::continuous(double longest) {
    if (!(longest > kShortestTime) || !std::isfinite(longest))
        throw ConfigError("model.diffusion_time = " + std::to_string(longest) +
                          ": must be finite and above " + std::to_string(kShortestTime));
    return ForwardProcess(longest);
}

ForwardProcess ForwardProcess::discrete(const DdpmSchedule& schedule) {
    ForwardProcess process(time_of_step(schedule, schedule.num_steps()));
    process.schedule_ = schedule;
    return process;
}

double ForwardProcess::time_at(double share) const {
    if (!schedule_) return share * longest_;
    const double steps = share * static_cast<double>(schedule_->num_steps());
    return time_of_step(*schedule_, std::max<std::int64_t>(1, std::llround(std::floor(steps))));
}

double ForwardProcess::training_time(double uniform, TrainingTimes times, double share) const {
    if (!schedule_) return lapatlas::training_time(uniform, times, time_at(share));
    const double steps = std::max(1.0, std::floor(share * static_cast<double>(schedule_->num_steps())));
    const auto step = 1 + static_cast<std::int64_t>(uniform * steps);
    return time_of_step(*schedule_, std::min(step, static_cast<std::int64_t>(steps)));
}

}  // namespace lapatlas
