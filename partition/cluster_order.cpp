#include "partition/cluster_order.hpp"

#include <algorithm>
#include <numeric>

#include "partition/metis_partitioner.hpp"

namespace lapatlas {

namespace {

/// How far from an equal share of the weight a stretch may end, as a share of it, for the sake of fewer
/// edges.
constexpr double kTolerance = 0.02;

/// Halves of `members`, whose numbers within the graph of members `place` gets for a while.
std::vector<std::int32_t> halves(const ClusterGraphView& graph, std::span<const std::int32_t> members,
                                 std::vector<std::int32_t>& place) {
    for (std::size_t i = 0; i < members.size(); ++i)
        place[static_cast<std::size_t>(members[i])] = static_cast<std::int32_t>(i);
    std::vector<std::int64_t> offsets{0}, edges, weights;
    std::vector<std::int32_t> neighbours;
    for (const std::int32_t member : members) {
        const auto m = static_cast<std::size_t>(member);
        for (auto e = static_cast<std::size_t>(graph.offsets[m]);
             e < static_cast<std::size_t>(graph.offsets[m + 1]); ++e) {
            const std::int32_t other = place[static_cast<std::size_t>(graph.neighbours[e])];
            if (other < 0) continue;
            neighbours.push_back(other);
            edges.push_back(graph.edges[e]);
        }
        offsets.push_back(static_cast<std::int64_t>(neighbours.size()));
        weights.push_back(graph.weights[m]);
    }
    for (const std::int32_t member : members) place[static_cast<std::size_t>(member)] = -1;
    return partition_weighted_graph(offsets, neighbours, edges, weights, 2);
}

/// crossing[c]: edges between clusters before c and the others.
std::vector<std::int64_t> crossing_edges(const ClusterGraphView& graph) {
    std::vector<std::int64_t> crossing(graph.weights.size() + 1, 0);
    for (std::size_t c = 0; c < graph.weights.size(); ++c)
        for (auto e = static_cast<std::size_t>(graph.offsets[c]);
             e < static_cast<std::size_t>(graph.offsets[c + 1]); ++e) {
            const auto other = static_cast<std::size_t>(graph.neighbours[e]);
            if (other <= c) continue;
            crossing[c + 1] += graph.edges[e];
            crossing[other + 1] -= graph.edges[e];
        }
    std::partial_sum(crossing.begin(), crossing.end(), crossing.begin());
    return crossing;
}

}  // namespace

std::vector<std::int32_t> order_clusters(const ClusterGraphView& graph) {
    std::vector<std::int32_t> order(graph.weights.size()), place(graph.weights.size(), -1);
    std::iota(order.begin(), order.end(), 0);
    std::vector<std::span<std::int32_t>> open{order};
    while (!open.empty()) {
        const std::span<std::int32_t> members = open.back();
        open.pop_back();
        if (members.size() <= 2) continue;
        const std::vector<std::int32_t> half = halves(graph, members, place);
        const std::vector<std::int32_t> before(members.begin(), members.end());
        auto at = members.begin();
        for (const std::int32_t side : {0, 1})
            for (std::size_t i = 0; i < before.size(); ++i)
                if (half[i] == side) *at++ = before[i];
        const auto first = static_cast<std::size_t>(std::count(half.begin(), half.end(), 0));
        open.push_back(members.subspan(first));
        open.push_back(members.first(first));
    }
    return order;
}

std::vector<int> place_clusters(const ClusterGraphView& graph, int num_ranks) {
    const auto clusters = static_cast<std::int64_t>(graph.weights.size());
    std::vector<int> ranks(graph.weights.size());
    if (num_ranks >= clusters) {
        std::iota(ranks.begin(), ranks.end(), 0);
        return ranks;
    }
    const std::vector<std::int64_t> crossing = crossing_edges(graph);
    std::vector<double> before(ranks.size() + 1, 0);  // weight of all clusters before
    for (std::size_t c = 0; c < ranks.size(); ++c)
        before[c + 1] = before[c] + static_cast<double>(graph.weights[c]);
    const double share = before.back() / num_ranks;
    std::int64_t begin = 0;
    for (int rank = 0; rank < num_ranks; ++rank) {
        const std::int64_t last = clusters - (num_ranks - 1 - rank);  // the ranks to come get one each
        std::int64_t end = last;
        if (rank + 1 < num_ranks) {
            const double wanted = share * (rank + 1);
            const auto off = [&](std::int64_t c) {
                return std::abs(before[static_cast<std::size_t>(c)] - wanted);
            };
            end = begin + 1;
            for (std::int64_t c = begin + 2; c <= last; ++c)
                if (off(c) < off(end)) end = c;
            const std::int64_t nearest = end;
            for (std::int64_t c = begin + 1; c <= last; ++c)
                if (off(c) <= std::max(kTolerance * share, off(nearest)) &&
                    crossing[static_cast<std::size_t>(c)] < crossing[static_cast<std::size_t>(end)])
                    end = c;
        }
        std::fill(ranks.begin() + begin, ranks.begin() + end, rank);
        begin = end;
    }
    return ranks;
}

}  // namespace lapatlas
