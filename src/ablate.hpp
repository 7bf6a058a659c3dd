#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"

namespace lapatlas {

/// One departure from the configuration that is studied.
struct AblationVariant {
    std::string name;
    std::string what;
    std::vector<std::pair<std::string, std::string>> settings;  ///< "section.key", value

    /// Whether it only generates otherwise, from the model of the variant `base`.
    bool shares_model() const;
};

/// Every variant there is, `base` (no departure) first: LapDDPM's table 3 and section 5.2, and what its paper
/// leaves open.
const std::vector<AblationVariant>& ablation_variants();

/// Collective. Trains, generates and evaluates config with each variant of config.ablate for each seed, in
/// DIR/VARIANT/SEED, and after each variant writes DIR/ablation.md and DIR/ablation.csv: means and spreads
/// over seeds of all that is there, whichever call made it. What is there is not done again, so a study can
/// be cut short and taken up, and once `base` is there several jobs can share out the variants of one DIR.
/// Returns the table, on the root. ConfigError for an unknown variant.
std::string ablate(const std::shared_ptr<const Backend>& backend, const Config& config,
                   const std::filesystem::path& dir, Log& log);

}  // namespace lapatlas
