#include "partition/components.hpp"

#include <algorithm>

#include "dist/collectives.hpp"
#include "dist/halo_exchange.hpp"
#include "partition/graph_shard.hpp"

namespace lapatlas {

Components find_components(const Communicator& comm, const DistributedGraph& graph) {
    const IndexMap map = IndexMap::blocks(graph.num_rows, comm.size());
    const GraphShard shard = build_graph_shard(comm, map, graph.row_offsets, graph.columns);
    const std::int64_t owned = shard.num_owned;
    std::vector<std::int64_t> smallest(static_cast<std::size_t>(owned + shard.num_ghosts()));
    for (std::int64_t r = 0; r < owned; ++r) smallest[static_cast<std::size_t>(r)] = graph.rows.begin + r;
    HaloExchange<std::int64_t> halo(comm, shard.plan);
    for (int changed = 1; changed != 0;) {
        halo.exchange(smallest.data(), owned, 1);
        changed = 0;
        // Sweeping both ways moves a name through the whole local part in one round.
        const auto visit = [&](std::int64_t r) {
            std::int64_t& mine = smallest[static_cast<std::size_t>(r)];
            for (const std::int32_t c : shard.neighbours(r)) {
                const std::int64_t theirs = smallest[static_cast<std::size_t>(c)];
                if (theirs < mine) mine = theirs, changed = 1;
            }
        };
        for (std::int64_t r = 0; r < owned; ++r) visit(r);
        for (std::int64_t r = owned; r-- > 0;) visit(r);
        changed = all_reduce_max(comm, changed);
    }
    // A component is named by its smallest row, which its owner knows to be its own name.
    std::vector<std::int64_t> roots;
    for (std::int64_t r = 0; r < owned; ++r)
        if (smallest[static_cast<std::size_t>(r)] == graph.rows.begin + r)
            roots.push_back(graph.rows.begin + r);
    const std::vector<std::int64_t> all_roots = all_gather_v<std::int64_t>(comm, roots);
    Components components;
    components.count = static_cast<std::int64_t>(all_roots.size());
    for (std::int64_t r = 0; r < owned; ++r)
        components.of_row.push_back(
            std::lower_bound(all_roots.begin(), all_roots.end(), smallest[static_cast<std::size_t>(r)]) -
            all_roots.begin());
    return components;
}

}  // namespace lapatlas
