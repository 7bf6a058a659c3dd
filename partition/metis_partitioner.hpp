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
std::vector<std::int32_t> partition_by_metis(const Communicator& comm, const DistributedGraph& graph,
                                             std::span<const std::int32_t> row_weights,
                                             std::int32_t num_parts);

/// Rank-local. METIS parts of a small weighted graph, in compressed rows: the part of each row, balanced by
/// `row_weights`, with little weight on edges between parts. No part is empty. Throws MetisError.
std::vector<std::int32_t> partition_weighted_graph(std::span<const std::int64_t> offsets,
                                                   std::span<const std::int32_t> neighbours,
                                                   std::span<const std::int64_t> edge_weights,
                                                   std::span<const std::int64_t> row_weights,
                                                   std::int32_t num_parts);

std::string metis_version();

}  // namespace lapatlas
