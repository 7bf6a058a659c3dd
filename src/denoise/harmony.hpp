#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Soft clusters of cells whose batches are aligned, as far as other cells are moved onto them.
struct AlignedClusters {
    std::int64_t width = 0;
    std::vector<double> centroids;  // [clusters, width] of unit length
    std::vector<double> weights;    // [clusters] memberships of all cells
    std::vector<double> sums;       // [clusters, width] of the aligned cells by membership
    std::int64_t count() const { return static_cast<std::int64_t>(weights.size()); }
};

struct Harmonised {
    std::vector<double> points;  // [local cells, width]
    AlignedClusters clusters;
};

/// Collective. Harmony (Korsunsky et al. 2019) of the cells of all ranks: in turns, soft k-means of cells by
/// cosine, with a penalty on clusters where batches are not mixed as they are overall, and a ridge regression
/// within each cluster on the batch, whose part of each cell is taken away. `batches` [local cells] from 0 to
/// num_batches - 1. Its constants are the published ones (sigma 0.1, theta 2, lambda 1, a cluster to 30
/// cells, at most 100). Sums over cells are exact: the same bits on any number of ranks.
Harmonised harmonise(const Communicator& comm, std::span<const double> points, std::int64_t width,
                     std::span<const std::int32_t> batches, std::int64_t num_batches, std::uint64_t seed);

/// Collective. Other cells, which are one batch more, moved onto those clusters, which stay as they are
/// (Symphony, Kang et al. 2021): memberships by cosine alone, and the same regression, in which the aligned
/// cells have no batch.
std::vector<double> map_onto(const Communicator& comm, const AlignedClusters& clusters,
                             std::span<const double> points);

}  // namespace lapatlas
