#pragma once

#include <cstdint>
#include <vector>

#include "src/config/train_options.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

/// Which METIS clusters a step's graph is made of: every pass deals all of them to its steps anew, the same
/// on every rank. A step takes a few of every stretch of neighbouring clusters: it sees all sides of the
/// atlas, and every rank, which owns such stretches, has about as much to do as the others.
class DealtClusters {
  public:
    /// Views `data`.
    DealtClusters(const RankData& data, const TrainOptions& options, std::uint64_t seed);

    /// Steps in which every training cell's loss counts once, on average.
    std::int64_t steps_an_epoch() const { return steps_an_epoch_; }
    std::int64_t steps_a_pass() const { return steps_; }  ///< in which every cluster is active once
    /// [clusters] 1 where active.
    std::vector<std::uint8_t> of_step(std::int64_t step) const;

    /// Where counts are left in the file: begins to read those of a step and the next one; gives up those of
    /// a step.
    void read_ahead(int rank, std::int64_t step) const;
    void give_up(int rank, std::int64_t step) const;

  private:
    const RankData& data_;
    std::int64_t steps_, steps_an_epoch_;
    std::uint64_t seed_;
};

}  // namespace lapatlas
