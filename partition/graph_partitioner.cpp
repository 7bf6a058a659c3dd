#include "partition/graph_partitioner.hpp"

#include "dist/collectives.hpp"
#include "partition/metis_partitioner.hpp"
#include "partition/scotch_partitioner.hpp"

namespace lapatlas {

std::vector<std::int32_t> partition_graph(const Communicator& comm, const DistributedGraph& graph,
                                          std::span<const std::int32_t> row_weights, std::int32_t num_parts,
                                          const std::string& partitioner) {
    ensure(partitioner == "auto" || partitioner == "metis" || partitioner == "scotch", "a known partitioner");
    const std::int64_t edges = all_reduce_sum(comm, static_cast<std::int64_t>(graph.columns.size()));
    const bool by_scotch =
        partitioner == "scotch" || (partitioner == "auto" && edges > kMostMetisEdges && has_scotch());
    return by_scotch ? partition_by_scotch(comm, graph, row_weights, num_parts)
                     : partition_by_metis(comm, graph, row_weights, num_parts);
}

}  // namespace lapatlas
