#pragma once

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. The whole flow into config.output.dir: prepare -> train -> generate -> evaluate -> report.
/// Stages whose output for this configuration is already there are not done again.
void run_pipeline(const std::shared_ptr<const Backend>& backend, const Config& config, Log& log);

// Rank-local. Whether what a stage makes is in the folder, whole and for this configuration.
bool is_prepared(const RunFolder& run, const Config& config);
bool is_trained(const RunFolder& run, const Config& config);
/// Whether the folder's evaluation is of its atlas and of this configuration.
bool is_evaluated(const RunFolder& run, const Config& config);

}  // namespace lapatlas
