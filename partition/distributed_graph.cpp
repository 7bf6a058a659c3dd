#include "partition/distributed_graph.hpp"

#include <algorithm>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "partition/row_exchange.hpp"

namespace lapatlas {

namespace {

struct Edge {
    std::int64_t from;
    std::int64_t to;
    auto operator<=>(const Edge&) const = default;
};

/// Collective. Sends every edge to the owner of its source and builds sorted, duplicate-free rows.
DistributedGraph graph_of_edges(const Communicator& comm, std::int64_t num_rows,
                                const std::vector<Edge>& edges) {
    std::vector<int> owners;
    owners.reserve(edges.size());
    for (const Edge& edge : edges) owners.push_back(rank_of_row(num_rows, comm.size(), edge.from));
    std::vector<Edge> mine = send_to<Edge>(comm, edges, owners).items;
    std::sort(mine.begin(), mine.end());
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());

    DistributedGraph graph;
    graph.num_rows = num_rows;
    graph.rows = block_of_rank(num_rows, comm.size(), comm.rank());
    graph.row_offsets.assign(static_cast<std::size_t>(graph.rows.size()) + 1, 0);
    for (const Edge& edge : mine) {
        ++graph.row_offsets[static_cast<std::size_t>(edge.from - graph.rows.begin) + 1];
        graph.columns.push_back(edge.to);
    }
    for (std::size_t r = 1; r < graph.row_offsets.size(); ++r)
        graph.row_offsets[r] += graph.row_offsets[r - 1];
    return graph;
}

}  // namespace

DistributedGraph symmetrise(const Communicator& comm, std::int64_t num_rows,
                            std::span<const std::int64_t> targets, std::int64_t k) {
    const BlockRange rows = block_of_rank(num_rows, comm.size(), comm.rank());
    std::vector<Edge> edges;
    edges.reserve(2 * targets.size());
    for (std::int64_t r = 0; r < rows.size(); ++r) {
        for (std::int64_t j = 0; j < k; ++j) {
            const std::int64_t from = rows.begin + r;
            const std::int64_t to = targets[static_cast<std::size_t>(r * k + j)];
            if (to < 0 || to == from) continue;
            edges.push_back({from, to});
            edges.push_back({to, from});
        }
    }
    return graph_of_edges(comm, num_rows, edges);
}

DistributedGraph rename_rows(const Communicator& comm, const DistributedGraph& graph,
                             std::span<const std::int64_t> new_names) {
    const std::vector<std::int64_t> column_names =
        fetch_rows<std::int64_t>(comm, graph.num_rows, new_names, 1, graph.columns);
    std::vector<Edge> edges;
    edges.reserve(graph.columns.size());
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        for (std::int64_t e = graph.row_offsets[static_cast<std::size_t>(r)];
             e < graph.row_offsets[static_cast<std::size_t>(r) + 1]; ++e)
            edges.push_back(
                {new_names[static_cast<std::size_t>(r)], column_names[static_cast<std::size_t>(e)]});
    return graph_of_edges(comm, graph.num_rows, edges);
}

void validate(const Communicator& comm, const DistributedGraph& graph) {
    std::vector<Edge> reversed;
    agreed(comm, [&] {
        ensure(static_cast<std::int64_t>(graph.row_offsets.size()) == graph.rows.size() + 1,
               "one offset a row");
        for (std::int64_t r = 0; r < graph.rows.size(); ++r) {
            const auto neighbours = graph.neighbours(r);
            for (std::size_t i = 0; i < neighbours.size(); ++i) {
                ensure(neighbours[i] >= 0 && neighbours[i] < graph.num_rows, "columns are rows of the graph");
                ensure(neighbours[i] != graph.rows.begin + r, "no self-loops");
                ensure(i == 0 || neighbours[i] > neighbours[i - 1], "columns ascend within a row");
                reversed.push_back({neighbours[i], graph.rows.begin + r});
            }
        }
    });
    const DistributedGraph transposed = graph_of_edges(comm, graph.num_rows, reversed);
    agreed(comm, [&] {
        ensure(transposed.row_offsets == graph.row_offsets && transposed.columns == graph.columns,
               "the graph is symmetric");
    });
}

}  // namespace lapatlas
