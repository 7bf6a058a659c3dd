#pragma once

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. The `report` stage: one HTML page at `output` from the run's prepared data,
/// metrics and evaluation.
void report_run(const Communicator& comm, const Config& config, const RunFolder& run,
                const std::filesystem::path& output, Log& log);

}  // namespace lapatlas
