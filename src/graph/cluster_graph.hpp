#pragma once

#include <cstdint>
#include <span>
#include <string>
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

/// Which cluster a row is in, and how clusters hang together.
struct Clusters {
    std::vector<std::int32_t> of_row;   // [rows of this rank]
    std::vector<std::int64_t> weights;  // [clusters], equal on every rank
    ClusterGraph graph;
};

/// Collective. Clusters of equal `row_weights` [rows of this rank] by partition_graph, numbered so that
/// clusters of neighbouring numbers are neighbours (order_clusters). By METIS they depend on graph, weights
/// and number alone. Throws MetisError, ConfigError.
Clusters make_clusters(const Communicator& comm, const DistributedGraph& graph,
                       std::span<const std::int32_t> row_weights, std::int64_t num_clusters,
                       const std::string& partitioner = "auto");

}  // namespace lapatlas
