#include "src/graph/communities.hpp"

#include <omp.h>

#include <algorithm>
#include <map>
#include <networkit/auxiliary/Log.hpp>
#include <networkit/auxiliary/Random.hpp>
#include <networkit/community/PLM.hpp>
#include <networkit/community/ParallelLeiden.hpp>
#include <networkit/graph/Graph.hpp>
#include <numeric>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// Rounds of Leiden: the partition of most graphs rests long before.
constexpr int kLeidenRounds = 20;

/// NetworKit's answers depend on how many threads move cells at a time.
class OneThread {
  public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

  private:
    int before_;
};

std::vector<std::int32_t> numbered_by_size(const NetworKit::Partition& partition, std::int64_t num_cells) {
    struct Group {
        std::int64_t size = 0, first = 0;
    };
    std::map<NetworKit::index, Group> groups;
    for (std::int64_t cell = 0; cell < num_cells; ++cell) {
        Group& group = groups[partition[static_cast<NetworKit::node>(cell)]];
        if (group.size++ == 0) group.first = cell;
    }
    std::vector<std::pair<NetworKit::index, Group>> order(groups.begin(), groups.end());
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
        return a.second.size != b.second.size ? a.second.size > b.second.size
                                              : a.second.first < b.second.first;
    });
    std::map<NetworKit::index, std::int32_t> number;
    for (const auto& [index, group] : order) number.emplace(index, static_cast<std::int32_t>(number.size()));
    std::vector<std::int32_t> communities;
    for (std::int64_t cell = 0; cell < num_cells; ++cell)
        communities.push_back(number.at(partition[static_cast<NetworKit::node>(cell)]));
    return communities;
}

}  // namespace

WeightedEdges jaccard_edges(std::span<const std::int64_t> neighbours, std::int64_t k) {
    const std::int64_t cells = k == 0 ? 0 : std::ssize(neighbours) / k;
    std::vector<std::vector<std::int64_t>> around(static_cast<std::size_t>(cells));  // ascending, with itself
    for (std::int64_t cell = 0; cell < cells; ++cell) {
        auto& own = around[static_cast<std::size_t>(cell)];
        own.push_back(cell);
        for (const std::int64_t other :
             neighbours.subspan(static_cast<std::size_t>(cell * k), static_cast<std::size_t>(k)))
            if (other >= 0) own.push_back(other);
        std::sort(own.begin(), own.end());
    }
    WeightedEdges edges;
    std::vector<std::int64_t> shared;
    for (std::int64_t cell = 0; cell < cells; ++cell) {
        const auto& own = around[static_cast<std::size_t>(cell)];
        for (const std::int64_t other : own) {
            if (other == cell) continue;
            const auto& its = around[static_cast<std::size_t>(other)];
            // An edge that both have is that of the lower cell.
            if (other < cell && std::binary_search(its.begin(), its.end(), cell)) continue;
            shared.clear();
            std::set_intersection(own.begin(), own.end(), its.begin(), its.end(), std::back_inserter(shared));
            if (shared.empty()) continue;
            edges.from.push_back(cell);
            edges.to.push_back(other);
            edges.weight.push_back(static_cast<double>(shared.size()) /
                                   static_cast<double>(own.size() + its.size() - shared.size()));
        }
    }
    return edges;
}

std::vector<std::int32_t> find_communities(std::int64_t num_cells, const WeightedEdges& edges,
                                           const CommunityOptions& options) {
    const OneThread one_thread;
    Aux::Log::setLogLevel("ERROR");
    Aux::Random::setSeed(options.seed, false);
    NetworKit::Graph graph(static_cast<NetworKit::count>(num_cells), true, false);
    for (std::size_t i = 0; i < edges.weight.size(); ++i)
        graph.addEdge(static_cast<NetworKit::node>(edges.from[i]), static_cast<NetworKit::node>(edges.to[i]),
                      edges.weight[i]);
    if (options.method == "leiden") {
        NetworKit::ParallelLeiden leiden(graph, kLeidenRounds, true, options.resolution);
        leiden.run();
        return numbered_by_size(leiden.getPartition(), num_cells);
    }
    if (options.method != "louvain")
        throw InternalError("no method '" + options.method + "' to find communities");
    NetworKit::PLM louvain(graph, true, options.resolution, "none", 32, true, true);
    louvain.run();
    return numbered_by_size(louvain.getPartition(), num_cells);
}

std::string community_library_version() { return LAPATLAS_NETWORKIT_VERSION; }

}  // namespace lapatlas
