#pragma once

#include <cstdint>

#include "src/config/train_options.hpp"

namespace lapatlas {

/// Joint steps in which every cluster is active once.
std::int64_t steps_a_pass(const TrainOptions& options, double train_cells, std::int64_t clusters);

/// Joint steps in which every training cell's loss counts once, on average.
std::int64_t steps_an_epoch(const TrainOptions& options, double train_cells, std::int64_t clusters);

}  // namespace lapatlas
