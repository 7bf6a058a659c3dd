#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/evaluate/evaluation.hpp"

namespace lapatlas {

/// Cells of a kind that an evaluation holds on one rank at most; more are thinned evenly. Far more than the
/// figures draw: 1,500 a side by default.
inline constexpr std::int64_t kMostEvaluatedCells = 50000;

/// Collective. A prepared dataset's training and test cells beside the generated cells of an .h5ad with its
/// genes; filled on the root. Each rank reads its share of both. InputError where the genes are not those of
/// the dataset, or labels are unknown. `heldout_latent_distance`: of heldout_latent_distances, where the
/// dataset's own model made the cells.
EvaluationInput input_of_prepared(const Communicator& comm, const Config& config,
                                  const std::filesystem::path& prepared,
                                  const std::optional<std::vector<double>>& heldout_latent_distance,
                                  const std::filesystem::path& generated, Log& log);

/// Collective. The same of any two files of counts: config.input says which is the reference, its labels and
/// its split (validation cells count as training cells). Genes are matched by name, or by Ensembl id where
/// few names match; those of both files that config.prepare.min_cells training cells express are compared.
/// InputError where fewer than a hundred match, or generated labels are unknown.
EvaluationInput input_of_files(const Communicator& comm, const Config& config,
                               const std::filesystem::path& generated, Log& log);

}  // namespace lapatlas
