#pragma once

#include "src/plan/calibration.hpp"
#include "src/plan/workload.hpp"

namespace lapatlas {

/// Seconds of the stages, as far as they grow with the atlas.
struct TimePlan {
    double prepare = 0;
    double train = 0;
    double generate = 0;
};

/// On CPUs, ranks at work as fast as the one that was measured; what ranks wait for each other is not
/// counted.
TimePlan plan_time(const Workload& work, const MachineSpeed& speed);

}  // namespace lapatlas
