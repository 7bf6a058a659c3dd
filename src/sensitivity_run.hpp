#pragma once

#include <map>
#include <memory>
#include <string>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. What denoise's figures are over values of rho and numbers of components (config.sensitivity):
/// each pair's in RUN/sensitivity/kK-rhoR.figures.json, all of them in RUN/sensitivity.md and .csv. A prior
/// is trained once a number of components, RUN/denoise/prior-kK.h5; a study cut short goes on where it was.
/// Returns the table. ConfigError where the lists are no numbers.
std::string sensitivity_run(const std::shared_ptr<const Backend>& backend, const Config& config,
                            const RunFolder& run, const std::map<std::string, std::string>& provenance,
                            Log& log);

}  // namespace lapatlas
