#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lapatlas {

/// The graph of clusters in compressed rows: who shares edges with whom, how many, and what a cluster weighs.
struct ClusterGraphView {
    std::span<const std::int64_t> offsets;     // [clusters + 1]
    std::span<const std::int32_t> neighbours;  // ascending within a cluster, never itself
    std::span<const std::int64_t> edges;
    std::span<const std::int64_t> weights;  // [clusters]
};

/// Rank-local. The clusters in an order in which every stretch hangs together: that of the leaves of a
/// recursive bisection by METIS. One order serves any number of ranks, and ranks that follow each other (on
/// one node, as job launchers place them) own stretches that do. Throws MetisError.
std::vector<std::int32_t> order_clusters(const ClusterGraphView& graph);

/// Rank-local, the same on every rank. Deals clusters, numbered as order_clusters has them, to ranks: a
/// stretch each, of equal weight within a few percent, cut where few edges cross. With more ranks than
/// clusters the last ranks get none. The rank of each cluster.
std::vector<int> place_clusters(const ClusterGraphView& graph, int num_ranks);

}  // namespace lapatlas
