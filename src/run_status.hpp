#pragma once

#include <string>

#include "src/run_folder.hpp"

namespace lapatlas {

/// Rank-local. What a run is at, for a person: stage, progress, rate, time left, last checkpoint, job and
/// nodes; from status.json and the checkpoints alone, so it disturbs no run. InputError where the folder has
/// no status.
std::string run_status(const RunFolder& run);

}  // namespace lapatlas
