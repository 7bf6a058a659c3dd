#pragma once

#include "src/plan/calibration.hpp"
#include "src/train/trainer.hpp"
#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// Collective. The joint step of `trainer` as a study point, on every rank: the loads of this run's ranks,
/// work by the rates of `speed`. Of whole-graph training only.
StudyPoint study_point_of(const Communicator& comm, Trainer& trainer, const MachineSpeed& speed);

}  // namespace lapatlas::bench
