#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/config/options.hpp"

namespace lapatlas {

/// How much there is to learn from.
struct DataSize {
    std::int64_t training_cells = 0;
    std::int64_t genes = 0;
};

/// The configuration with every option that says "from the data" filled in from the data's size, so that one
/// recipe serves a plate and an atlas. An option that was given stays. docs/method.md has the rules.
Config derive_from_size(Config config, const DataSize& size);

/// "prepare.k = 12, model.hidden = 128": the options in which `derived` differs from `given`.
std::string difference(const Config& given, const Config& derived);

/// The obs column that labels are written to: input.label_key, or what prepare.communities names them.
std::string label_column(const Config& config);

/// Whether the ScoreNet is a U-Net, with model.score_widths.
bool has_unet_widths(const ModelOptions& options);
/// The numbers of model.score_widths, two at least. ConfigError.
std::vector<std::int64_t> unet_widths(const ModelOptions& options);

/// Whether cells are made without a label: the ScoreNet is told none (guidance -1), and no classifier is
/// asked.
bool is_unconditional(const GenerateOptions& options);

/// Evaluations of the ScoreNet for a latent, without guidance's second ones.
std::int64_t solver_evaluations(const Config& config);

}  // namespace lapatlas
