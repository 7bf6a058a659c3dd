#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"

namespace lapatlas {

struct Checkpoint;

/// Whether a checkpoint has a Scorer.
bool has_scorer(const Checkpoint& checkpoint);
/// Of the options that decide what a Scorer learns to tell, and for how long it does.
std::string scorer_options(const Config& config);

/// Collective. With train.scorer, and where the checkpoint has none for these options: generates as many
/// cells as there are training cells (at most 20,000), trains a RealScorer on these against as many training
/// cells, and puts it into the checkpoint. No held-out cell is looked at; cells of later generations are
/// others. Every step is a function of data, configuration and step on any number of ranks, up to rounding.
/// Stopped where word to stop has come: it then begins anew.
void train_scorer(const std::shared_ptr<const Backend>& backend, const Config& config,
                  const std::filesystem::path& prepared, const std::filesystem::path& checkpoint,
                  const std::map<std::string, std::string>& provenance, Log& log);

}  // namespace lapatlas
