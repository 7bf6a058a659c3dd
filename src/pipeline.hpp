#pragma once

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. The whole flow into config.output.dir: prepare -> train -> generate -> evaluate -> report.
/// Stages whose output for this configuration is already there are not done again.
void run_pipeline(const Communicator& comm, const Config& config, Log& log);

/// Rank-local. Whether the folder's evaluation is of its atlas and of this configuration.
bool is_evaluated(const RunFolder& run, const Config& config);

}  // namespace lapatlas
