#pragma once

#include <cstdint>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// The baseline that a model must beat: cells whose genes are drawn independently of each other. Cell i
/// (global index first_cell + i) of type t = labels[i] takes, gene by gene, the count of a random training
/// cell of type t; -1 draws from all training cells. The same seed gives the same cells however they are
/// dealt to calls. Throws InputError when a requested type has no training cell.
CountMatrix sample_marginals(const CountMatrix& training, const std::vector<std::int32_t>& training_labels,
                             const std::vector<std::int32_t>& labels, std::uint64_t seed,
                             std::int64_t first_cell = 0);

}  // namespace lapatlas
