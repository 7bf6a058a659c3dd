#pragma once

#include <cstdint>
#include <vector>

#include "src/random/philox.hpp"

namespace lapatlas {

/// Which cells a step looks at: every epoch deals all cells to its steps anew, the same on every rank.
class DealtCells {
  public:
    /// In steps of about `batch` cells.
    DealtCells(std::int64_t cells, std::int64_t batch, RandomStream stream, std::uint64_t seed);
    std::int64_t steps_an_epoch() const { return steps_; }
    /// In the step's order.
    std::vector<std::int64_t> of_step(std::int64_t step);

  private:
    std::int64_t cells_, steps_;
    RandomStream stream_;
    std::uint64_t seed_;
    std::vector<std::int64_t> order_;  ///< of the epoch order_epoch_
    std::int64_t order_epoch_ = -1;
};

}  // namespace lapatlas
