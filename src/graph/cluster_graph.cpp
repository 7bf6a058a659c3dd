#include "src/graph/cluster_graph.hpp"

#include <map>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "partition/cluster_order.hpp"
#include "partition/graph_partitioner.hpp"
#include "partition/row_exchange.hpp"

namespace lapatlas {

namespace {

struct Link {
    std::int32_t from, to;
    std::int64_t edges;
};
using Links = std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t>;

ClusterGraph graph_of(const Links& links, std::size_t clusters) {
    ClusterGraph graph;
    graph.offsets.assign(clusters + 1, 0);
    for (const auto& [pair, edges] : links) {
        ++graph.offsets[static_cast<std::size_t>(pair.first) + 1];
        graph.neighbours.push_back(pair.second);
        graph.edges.push_back(edges);
        graph.cut_edges += edges;
    }
    for (std::size_t c = 1; c < graph.offsets.size(); ++c) graph.offsets[c] += graph.offsets[c - 1];
    return graph;
}

/// Collective. `cluster` [rows of this rank]: the cluster of each row of `graph`.
ClusterGraph cluster_graph(const Communicator& comm, const DistributedGraph& graph,
                           std::span<const std::int32_t> cluster, std::int64_t num_clusters) {
    const std::vector<std::int32_t> of_neighbour =
        fetch_rows<std::int32_t>(comm, graph.num_rows, cluster, 1, graph.columns);
    Links counted;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        for (auto e = static_cast<std::size_t>(graph.row_offsets[static_cast<std::size_t>(r)]);
             e < static_cast<std::size_t>(graph.row_offsets[static_cast<std::size_t>(r) + 1]); ++e)
            if (of_neighbour[e] != cluster[static_cast<std::size_t>(r)])
                ++counted[{cluster[static_cast<std::size_t>(r)], of_neighbour[e]}];
    std::vector<Link> mine;
    for (const auto& [pair, edges] : counted) mine.push_back({pair.first, pair.second, edges});

    Links all;
    for (const Link& link : all_gather_v<Link>(comm, mine)) all[{link.from, link.to}] += link.edges;
    ClusterGraph clusters = graph_of(all, static_cast<std::size_t>(num_clusters));
    clusters.all_edges = all_reduce_sum(comm, static_cast<std::int64_t>(graph.columns.size()));
    return clusters;
}

ClusterGraph rename_clusters(const ClusterGraph& graph, std::span<const std::int32_t> names) {
    Links links;
    for (std::size_t c = 0; c < names.size(); ++c)
        for (auto e = static_cast<std::size_t>(graph.offsets[c]);
             e < static_cast<std::size_t>(graph.offsets[c + 1]); ++e)
            links[{names[c], names[static_cast<std::size_t>(graph.neighbours[e])]}] = graph.edges[e];
    ClusterGraph renamed = graph_of(links, names.size());
    renamed.all_edges = graph.all_edges;
    return renamed;
}

}  // namespace

Clusters make_clusters(const Communicator& comm, const DistributedGraph& graph,
                       std::span<const std::int32_t> row_weights, std::int64_t num_clusters,
                       const std::string& partitioner) {
    Clusters clusters;
    clusters.of_row =
        partition_graph(comm, graph, row_weights, static_cast<std::int32_t>(num_clusters), partitioner);
    const ClusterGraph found = cluster_graph(comm, graph, clusters.of_row, num_clusters);
    std::vector<std::int64_t> weights(static_cast<std::size_t>(num_clusters), 0);
    for (std::size_t r = 0; r < clusters.of_row.size(); ++r)
        weights[static_cast<std::size_t>(clusters.of_row[r])] += row_weights[r];
    all_reduce_sum(comm, std::span<std::int64_t>(weights));
    std::vector<std::int32_t> names(static_cast<std::size_t>(num_clusters));
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        const std::vector<std::int32_t> order =
            order_clusters({found.offsets, found.neighbours, found.edges, weights});
        for (std::size_t i = 0; i < order.size(); ++i)
            names[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
    });
    broadcast(comm, std::span<std::int32_t>(names));
    for (std::int32_t& cluster : clusters.of_row) cluster = names[static_cast<std::size_t>(cluster)];
    clusters.weights.resize(weights.size());
    for (std::size_t c = 0; c < weights.size(); ++c)
        clusters.weights[static_cast<std::size_t>(names[c])] = weights[c];
    clusters.graph = rename_clusters(found, names);
    return clusters;
}

}  // namespace lapatlas
