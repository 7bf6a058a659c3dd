#pragma once

#include <cstdint>
#include <vector>

#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// Connected components. Names are 0 .. count-1, ordered by the smallest row of each.
struct Components {
    std::int64_t count = 0;
    std::vector<std::int64_t> of_row;  // [rows of this rank]
};

/// Collective. Smallest-row propagation until nothing changes; kNN graphs need few rounds.
Components find_components(const Communicator& comm, const DistributedGraph& graph);

}  // namespace lapatlas
