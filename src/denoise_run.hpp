#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. DICE: latents of the query (denoise.query), denoised by a diffusion prior of the latents of
/// the reference (input.path), into `output`: the query with obsm X_pca, X_dice and X_dice_sd (over repeats)
/// and, where the reference has labels, obs predicted_label and label_entropy and obsm label_probability. The
/// prior is trained first, or taken from RUN/denoise/prior.h5 where that is of the same reference and
/// options; its training can be stopped and goes on. Where the query has labels, how well both spaces keep
/// them apart is printed and written beside `output` (.figures.json).
void denoise_run(const std::shared_ptr<const Backend>& backend, const Config& config, const RunFolder& run,
                 const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
                 Log& log);

}  // namespace lapatlas
