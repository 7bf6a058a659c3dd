#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

enum class Split : std::int8_t { kTrain, kValidation, kTest };

/// Collective. The part of each local row, the same on any number of ranks.
/// - split_key: its values (train/training, validation/val/valid, test; case ignored); another one is an
///   InputError.
/// - else split_group_key: groups in the order of a hash of (seed, name) go to test, then to validation,
///   until their shares of the cells are met as nearly as whole groups allow; no group is divided, and
///   training keeps one. Cells without a group form one group.
/// - else, within each label (cells without one count as one): by a hash of (seed, global index), exactly
///   round(test_fraction n) test cells and round(validation_fraction (n - n_test)) validation cells; one cell
///   at least stays in training.
std::vector<Split> split_cells(const Communicator& comm, const AtlasShard& shard, const InputOptions& options,
                               std::uint64_t seed);

}  // namespace lapatlas
