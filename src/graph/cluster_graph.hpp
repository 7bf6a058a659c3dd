#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// The graph of clusters, equal on every rank, in compressed rows.
struct ClusterGraph {
    std::vector<std::int64_t> offsets{0};  // [clusters + 1]
    std::vector<std::int32_t> neighbours;
    std::vector<std::int64_t> edges;  ///< directed edges of the cell graph between the two clusters
    std::int64_t cut_edges = 0;       ///< directed edges between different clusters
    std::int64_t all_edges = 0;
};

/// Collective. `graph` has its rows in cluster order; cluster c is rows [cluster_offsets[c],
/// cluster_offsets[c + 1]).
ClusterGraph cluster_graph(const Communicator& comm, const DistributedGraph& graph,
                           std::span<const std::int64_t> cluster_offsets);

}  // namespace lapatlas
