#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/block_range.hpp"

namespace lapatlas {

/// Who owns which global row. Rows are ordered by cluster; a rank owns whole clusters and stores their rows
/// in ascending global order. Equal on every rank.
class IndexMap {
  public:
    /// cluster_offsets: [num_clusters + 1] global rows; cluster_ranks: [num_clusters].
    IndexMap(std::vector<std::int64_t> cluster_offsets, std::vector<int> cluster_ranks, int num_ranks);
    /// One cluster a rank: the blocks of block_of_rank.
    static IndexMap blocks(std::int64_t num_rows, int num_ranks);

    std::int64_t num_rows() const { return cluster_offsets_.back(); }
    std::int64_t num_clusters() const { return static_cast<std::int64_t>(cluster_ranks_.size()); }
    int num_ranks() const { return static_cast<int>(rank_rows_.size()); }
    BlockRange cluster_rows(std::int64_t cluster) const {
        return {cluster_offsets_[static_cast<std::size_t>(cluster)],
                cluster_offsets_[static_cast<std::size_t>(cluster) + 1]};
    }
    int rank_of_cluster(std::int64_t cluster) const {
        return cluster_ranks_[static_cast<std::size_t>(cluster)];
    }
    std::int64_t cluster_of_row(std::int64_t row) const;
    int owner(std::int64_t row) const { return rank_of_cluster(cluster_of_row(row)); }
    /// Position of `row` among the rows of its owner.
    std::int32_t local_row(std::int64_t row) const {
        const auto cluster = static_cast<std::size_t>(cluster_of_row(row));
        return static_cast<std::int32_t>(cluster_local_starts_[cluster] + row - cluster_offsets_[cluster]);
    }
    std::int64_t num_rows_of_rank(int rank) const { return rank_rows_[static_cast<std::size_t>(rank)]; }
    std::vector<std::int64_t> clusters_of_rank(int rank) const;
    /// Global rows of a rank, ascending.
    std::vector<std::int64_t> rows_of_rank(int rank) const;

  private:
    std::vector<std::int64_t> cluster_offsets_;
    std::vector<int> cluster_ranks_;
    std::vector<std::int64_t> cluster_local_starts_;  // [num_clusters]
    std::vector<std::int64_t> rank_rows_;             // [num_ranks]
};

}  // namespace lapatlas
