#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// Directed edges up to which `auto` is METIS: rank 0 then needs about 20 GB for them, and METIS's index type
/// ends at four times as many.
inline constexpr std::int64_t kMostMetisEdges = std::int64_t{1} << 29;

/// Collective. Parts of a symmetric graph: the part of each row of this rank. Balanced by `row_weights` [rows
/// of this rank]; no part is empty. `partitioner`: "metis" (on the first rank; the same parts on any number
/// of ranks), "scotch" (PT-Scotch on all ranks), or "auto", which is METIS up to kMostMetisEdges. MetisError,
/// ConfigError.
std::vector<std::int32_t> partition_graph(const Communicator& comm, const DistributedGraph& graph,
                                          std::span<const std::int32_t> row_weights, std::int32_t num_parts,
                                          const std::string& partitioner = "auto");

}  // namespace lapatlas
