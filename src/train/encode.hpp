#pragma once

#include "src/train/model.hpp"
#include "src/train/placed_data.hpp"

namespace lapatlas {

/// Collective. Posteriors of all rows of the data, training and others: `mask_fraction` of their counts
/// hidden, by a mask that `seed` decides (of LapDDPM's encoder: the others are trained on whole counts); edge
/// weights 1 (a row h outside the training graph has -(d_h d_j)^-1/2 for each of its neighbours j). Where
/// training takes clusters of cells a step, so does this, with about as many cells at a time: a cell sees its
/// neighbours within them, and memory does not grow with the cells. METIS numbers clusters so that neighbours
/// are near; a held-out row goes with its nearest training cell.
Posterior encode_rows(const PlacedData& placed, const Model& model, const TrainOptions& options,
                      double mask_fraction = 0, std::uint64_t seed = 0);

/// The clusters [num_clusters] that are 1 in group `group` of `groups`: each cluster is in one.
std::vector<std::uint8_t> clusters_of_group(std::int64_t clusters, std::int64_t groups, std::int64_t group);

}  // namespace lapatlas
