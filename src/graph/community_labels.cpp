#include "src/graph/community_labels.hpp"

#include <algorithm>
#include <map>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "partition/row_exchange.hpp"

namespace lapatlas {

std::vector<std::string> label_by_communities(const Communicator& comm, const DistributedGraph& graph,
                                              const CommunityOptions& options,
                                              std::vector<std::int32_t>& labels) {
    std::vector<std::int64_t> from, to;
    for (std::int64_t row = 0; row < graph.rows.size(); ++row)
        for (const std::int64_t other : graph.neighbours(row))
            if (graph.rows.begin + row < other) {
                from.push_back(graph.rows.begin + row);
                to.push_back(other);
            }
    WeightedEdges edges{gather_v<std::int64_t>(comm, from), gather_v<std::int64_t>(comm, to), {}};
    edges.weight.assign(edges.from.size(), 1);
    std::vector<std::int32_t> all = agreed(comm, [&] {
        if (!comm.is_root()) return std::vector<std::int32_t>();
        return find_communities(graph.num_rows, edges, options);
    });
    broadcast(comm, all);
    labels.assign(all.begin() + graph.rows.begin, all.begin() + graph.rows.end);
    std::vector<std::string> names;
    for (std::int32_t label = 0; label <= *std::max_element(all.begin(), all.end()); ++label)
        names.push_back(std::to_string(label));
    return names;
}

std::vector<std::int32_t> labels_of_most_neighbours(const Communicator& comm, const DistributedGraph& graph,
                                                    const std::vector<std::int32_t>& labels,
                                                    const KnnGraph& edges) {
    // Where a row has fewer neighbours its nearest one votes for those that are missing.
    std::vector<std::int64_t> voters = edges.neighbours;
    for (std::size_t i = 0; i < voters.size(); ++i)
        if (voters[i] < 0) voters[i] = voters[i - i % static_cast<std::size_t>(edges.k)];
    const std::vector<std::int32_t> found = fetch_rows<std::int32_t>(comm, graph.num_rows, labels, 1, voters);
    std::vector<std::int32_t> most;
    for (std::size_t first = 0; first < found.size(); first += static_cast<std::size_t>(edges.k)) {
        std::map<std::int32_t, int> votes;
        for (std::int64_t i = 0; i < edges.k; ++i) ++votes[found[first + static_cast<std::size_t>(i)]];
        most.push_back(std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
                           return a.second < b.second;
                       })->first);
    }
    return most;
}

}  // namespace lapatlas
