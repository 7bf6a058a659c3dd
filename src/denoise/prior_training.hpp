#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/denoise/latent_prior.hpp"

namespace lapatlas {

/// Collective. Trains the prior to its end, from where the checkpoint at `path` left it; word to stop puts it
/// away there and throws Stopped. ConfigError where `path` holds a prior of another reference or other
/// options. Returns what a prior of this reference and these options is known by.
std::string train_prior(const Communicator& comm, const Config& config, const std::filesystem::path& path,
                        const std::map<std::string, std::string>& provenance,
                        const ReferenceLatents& reference, LatentPrior& prior, Log& log);

}  // namespace lapatlas
