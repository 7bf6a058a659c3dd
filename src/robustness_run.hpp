#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. What attacks on the edge weights of the training graph do to a trained run of LapDDPM's
/// embedding: for each attack and budget of config.robustness the mean negative log-likelihood of training
/// and held-out cells' counts at their posterior means, how far latents move, and how well a classifier that
/// was fitted to unattacked latents of training cells tells the labels of held-out ones. RUN/robustness.md
/// and .csv; returns the table. The encoder sees the whole graph at once. ConfigError for another embedding
/// or an unknown attack.
std::string robustness_run(const Communicator& comm, const Config& config, const RunFolder& run, Log& log);

}  // namespace lapatlas
