#include "partition/index_map.hpp"

#include <algorithm>

#include "dist/error.hpp"

namespace lapatlas {

IndexMap::IndexMap(std::vector<std::int64_t> cluster_offsets, std::vector<int> cluster_ranks, int num_ranks)
    : cluster_offsets_(std::move(cluster_offsets)),
      cluster_ranks_(std::move(cluster_ranks)),
      rank_rows_(static_cast<std::size_t>(num_ranks), 0) {
    ensure(cluster_offsets_.size() == cluster_ranks_.size() + 1, "one offset a cluster and the end");
    for (std::size_t c = 0; c < cluster_ranks_.size(); ++c) {
        std::int64_t& rows = rank_rows_.at(static_cast<std::size_t>(cluster_ranks_[c]));
        cluster_local_starts_.push_back(rows);
        rows += cluster_offsets_[c + 1] - cluster_offsets_[c];
    }
}

IndexMap IndexMap::blocks(std::int64_t num_rows, int num_ranks) {
    std::vector<std::int64_t> offsets{0};
    std::vector<int> ranks;
    for (int r = 0; r < num_ranks; ++r) {
        offsets.push_back(block_of_rank(num_rows, num_ranks, r).end);
        ranks.push_back(r);
    }
    return {std::move(offsets), std::move(ranks), num_ranks};
}

std::int64_t IndexMap::cluster_of_row(std::int64_t row) const {
    return std::upper_bound(cluster_offsets_.begin(), cluster_offsets_.end(), row) -
           cluster_offsets_.begin() - 1;
}

std::vector<std::int64_t> IndexMap::clusters_of_rank(int rank) const {
    std::vector<std::int64_t> clusters;
    for (std::size_t c = 0; c < cluster_ranks_.size(); ++c)
        if (cluster_ranks_[c] == rank) clusters.push_back(static_cast<std::int64_t>(c));
    return clusters;
}

std::vector<std::int64_t> IndexMap::rows_of_rank(int rank) const {
    std::vector<std::int64_t> rows;
    for (const std::int64_t cluster : clusters_of_rank(rank)) {
        const BlockRange range = cluster_rows(cluster);
        for (std::int64_t row = range.begin; row < range.end; ++row) rows.push_back(row);
    }
    return rows;
}

}  // namespace lapatlas
