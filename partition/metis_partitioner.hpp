#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// Collective. METIS k-way parts of a symmetric graph, computed on rank 0 (its memory: about 40 bytes an
/// edge) and dealt back: the part of each row of this rank. Parts are balanced by `row_weights` [rows of this
/// rank]. The result depends on graph, weights and `num_parts` alone. No part is empty. Throws MetisError.
std::vector<std::int32_t> partition_graph(const Communicator& comm, const DistributedGraph& graph,
                                          std::span<const std::int32_t> row_weights, std::int32_t num_parts);

/// Places clusters on ranks so that few edges cross ranks: METIS on the weighted graph of clusters
/// (edge_weights[i, j] edges between clusters i and j). Rank-local and the same on every rank.
std::vector<int> place_clusters(std::span<const std::int64_t> cluster_offsets,
                                std::span<const std::int32_t> neighbours,
                                std::span<const std::int64_t> edge_weights,
                                std::span<const std::int64_t> cluster_weights, int num_ranks);

std::string metis_version();

}  // namespace lapatlas
