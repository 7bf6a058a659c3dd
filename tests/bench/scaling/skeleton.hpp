#pragma once

#include "dist/communicator.hpp"
#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// Of a simulated run.
struct SkeletonOptions {
    /// Messages have this part of their rows, and gradients of their values: for links of as small a part of
    /// the bandwidth, where the whole would be too many bytes to move for real. Figures are of the whole.
    std::int64_t thin = 1;
    /// Seconds of a core for each byte that a rank sends to or has from another node: what TCP costs it.
    double seconds_a_byte = 0;
    int ranks_a_node = 1;
};

/// Collective over as many ranks as `point` has. The communication of training steps without their
/// arithmetic: the product's own halo exchange, on plans of the loads' sizes, and gradient buckets; what is
/// computed between is waited for. Under SimGrid's smpirun (LAPATLAS_SMPI) time is simulated, large buffers
/// share memory, and gradients are summed bucket by bucket when the step waits for them, by blocking calls:
/// its non-blocking all-reduce sends everything to everyone. No overlap is credited to them.
///
/// The figures of all ranks, on every rank; without series, kind and where.
StepFigures run_skeleton(const Communicator& comm, const StudyPoint& point, int steps,
                         const SkeletonOptions& options = {});

}  // namespace lapatlas::bench
