#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// Whether this build has PT-Scotch.
bool has_scotch();

/// Collective. PT-Scotch parts of a symmetric graph (Chevalier & Pellegrini 2008), computed by all ranks on
/// the graph as it is dealt: no rank holds it whole. Balanced by `row_weights` [rows of this rank]; no part
/// is empty. The same parts again for the same graph, weights and number of ranks; other parts, much alike,
/// on another number. MetisError where PT-Scotch fails, ConfigError where the build has none.
std::vector<std::int32_t> partition_by_scotch(const Communicator& comm, const DistributedGraph& graph,
                                              std::span<const std::int32_t> row_weights,
                                              std::int32_t num_parts);

}  // namespace lapatlas
