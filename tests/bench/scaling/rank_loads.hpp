#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// Counts what each rank has and sends, row by row of a symmetric graph.
class LoadCounter {
  public:
    explicit LoadCounter(int ranks);
    /// A row of rank `owner` whose neighbours belong to `neighbour_owners`.
    void add(int owner, std::span<const int> neighbour_owners, double nonzeros, double loss_share);
    std::vector<RankLoad> loads() const;

  private:
    std::vector<RankLoad> loads_;
    std::vector<std::vector<std::int64_t>> sent_;  // [owner][to] rows
    std::vector<int> distinct_;
};

/// Of `ranks` ranks on a prepared dataset, placed as a run would be.
std::vector<RankLoad> loads_of_prepared(const std::filesystem::path& prepared, int ranks,
                                        double nonzeros_a_row, double loss_share);

/// A graph as prepare would make it of so many simulated cells, without counts: types at the simulator's
/// frequencies, within a type Gaussian in `dimensions`, k neighbours, METIS clusters of about
/// `cells_a_cluster` cells, their order; dealt to each number of ranks. Needs about 1.5 KiB a cell.
/// Collective over one rank.
std::vector<std::vector<RankLoad>> loads_of_drawn_graph(const Communicator& self, std::int64_t cells,
                                                        std::int64_t k, std::int64_t dimensions,
                                                        std::int64_t cells_a_cluster,
                                                        std::span<const int> ranks, double nonzeros_a_row,
                                                        double loss_share);

/// For more ranks than partitions were made for: ghosts and neighbours of a rank as lines in the logarithm of
/// the number of ranks (parts keep their size, and meet more others), fitted to `known` (points of one number
/// of cells a rank); ghosts spread over ranks as they were in the largest. InputError with fewer than two
/// points.
std::vector<RankLoad> extrapolated_loads(std::span<const StudyPoint> known, int ranks, double rows_a_rank);

}  // namespace lapatlas::bench
