#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. How far from the training cells the model of `run` puts the cells that it was not trained on:
/// for each held-out row of this rank, in the order of read_heldout_rows, LatentManifold::distance of a draw
/// from its posterior. Encoded as training cells are for the ScoreNet (masked inputs), so that the figures
/// compare with the `manifold_distance` of generated cells. Nothing where the run has no model that made
/// `atlas`.
std::optional<std::vector<double>> heldout_latent_distances(const Communicator& comm, const Config& config,
                                                            const RunFolder& run,
                                                            const std::filesystem::path& atlas);

}  // namespace lapatlas
