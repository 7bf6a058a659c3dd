#pragma once

#include "src/train/model.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

/// Collective. Posteriors of all rows of the data, training and others, as they are: nothing masked, edge
/// weights 1 (a row h outside the training graph has -(d_h d_j)^-1/2 for each of its neighbours j).
Posterior encode_rows(const Communicator& comm, const Model& model, const RankData& data);

}  // namespace lapatlas
