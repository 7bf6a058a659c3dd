#include "src/graph/cluster_graph.hpp"

#include <algorithm>
#include <map>

#include "dist/collectives.hpp"

namespace lapatlas {

ClusterGraph cluster_graph(const Communicator& comm, const DistributedGraph& graph,
                           std::span<const std::int64_t> cluster_offsets) {
    struct Link {
        std::int32_t from, to;
        std::int64_t edges;
    };
    const auto cluster_of = [&](std::int64_t row) {
        return static_cast<std::int32_t>(
            std::upper_bound(cluster_offsets.begin(), cluster_offsets.end(), row) - cluster_offsets.begin() -
            1);
    };
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> counted;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r) {
        const std::int32_t from = cluster_of(graph.rows.begin + r);
        for (const std::int64_t column : graph.neighbours(r)) ++counted[{from, cluster_of(column)}];
    }
    std::vector<Link> mine;
    for (const auto& [pair, edges] : counted) mine.push_back({pair.first, pair.second, edges});

    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> all;
    for (const Link& link : all_gather_v<Link>(comm, mine)) all[{link.from, link.to}] += link.edges;
    ClusterGraph clusters;
    clusters.offsets.assign(cluster_offsets.size(), 0);
    for (const auto& [pair, edges] : all) {
        clusters.all_edges += edges;
        if (pair.first == pair.second) continue;
        clusters.cut_edges += edges;
        ++clusters.offsets[static_cast<std::size_t>(pair.first) + 1];
        clusters.neighbours.push_back(pair.second);
        clusters.edges.push_back(edges);
    }
    for (std::size_t c = 1; c < clusters.offsets.size(); ++c) clusters.offsets[c] += clusters.offsets[c - 1];
    return clusters;
}

}  // namespace lapatlas
