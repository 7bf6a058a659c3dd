#pragma once

#include "dist/communicator.hpp"
#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// Collective over as many ranks as `point` has. The communication of training steps without their
/// arithmetic: the product's own halo exchange, on plans of the loads' sizes, and gradient buckets; what is
/// computed between is waited for. Under SimGrid's smpirun (LAPATLAS_SMPI) time is simulated, large buffers
/// share memory, and gradients are summed bucket by bucket when the step waits for them, by blocking calls:
/// its non-blocking all-reduce sends everything to everyone. No overlap is credited to them.
///
/// The figures of all ranks, on every rank; without series, kind and where.
StepFigures run_skeleton(const Communicator& comm, const StudyPoint& point, int steps);

}  // namespace lapatlas::bench
