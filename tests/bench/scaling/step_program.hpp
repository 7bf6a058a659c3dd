#pragma once

#include "src/plan/calibration.hpp"
#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// What a joint step's work and messages depend on beside the graph.
struct StepSizes {
    std::int64_t genes = 0, hidden = 0, latent = 0, order = 0, encodings = 0;
    double score_weights = 0;
    bool perturb = true;
    std::int64_t power_iterations = 1;
    /// Values of each gradient in the order in which backward finishes them: the encoder's own
    /// `encoder_gradients` come last, of them `order` sparse weights at the very end.
    std::vector<std::int64_t> gradients;
    std::int64_t encoder_gradients = 0;
};

/// Trainer::joint_step on the whole graph as the skeleton runs it, its work in seconds by the rates of a
/// machine. Message for message the product's (test: scaling).
std::vector<Operation> joint_step_program(const StepSizes& sizes, const MachineSpeed& speed);

}  // namespace lapatlas::bench
