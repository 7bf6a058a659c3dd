#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Rank-local, a few seconds. What `lapatlas plan` prints: for the run's prepared dataset if there is one of
/// this configuration and config.plan names no other atlas, else for the input as its headers describe it, or
/// for config.plan's.
std::string plan_run(const Communicator& comm, const RunFolder& run, const Config& config);

}  // namespace lapatlas
