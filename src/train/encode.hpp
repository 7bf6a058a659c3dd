#pragma once

#include "src/train/model.hpp"
#include "src/train/placed_data.hpp"

namespace lapatlas {

/// Collective. Posteriors of all rows of the data, training and others: `mask_fraction` of their counts
/// hidden, by a mask that `seed` decides; edge weights 1 (a row h outside the training graph has -(d_h
/// d_j)^-1/2 for each of its neighbours j).
Posterior encode_rows(const PlacedData& placed, const Model& model, double mask_fraction = 0,
                      std::uint64_t seed = 0);

}  // namespace lapatlas
