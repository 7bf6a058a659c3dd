#include "partition/metis_partitioner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dist/collectives.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

using testing_support::block_graph;
using testing_support::clustered_targets;

namespace {
std::vector<std::int32_t> all_parts(const Communicator& comm, const DistributedGraph& graph,
                                    std::int32_t parts) {
    const std::vector<std::int32_t> weights(static_cast<std::size_t>(graph.rows.size()), 1);
    return all_gather_v<std::int32_t>(comm, partition_graph(comm, graph, weights, parts));
}
}  // namespace

TEST(PartitionGraph, FindsTwoDisjointHalves) {
    const auto comm = Communicator::world();
    const auto parts = all_parts(comm, block_graph(comm, clustered_targets(40, 4, 2, 1), 40, 4), 2);
    // Rows of one component (even, odd) share a part: the cut is zero.
    for (std::size_t r = 2; r < parts.size(); ++r) EXPECT_EQ(parts[r], parts[r % 2]);
    EXPECT_NE(parts[0], parts[1]);
}

TEST(PartitionGraph, NoPartIsEmptyAndBalanceHolds) {
    const auto comm = Communicator::world();
    for (const std::int32_t parts : {1, 7, 30, 60}) {
        const auto part = all_parts(comm, block_graph(comm, clustered_targets(60, 3, 5, 8), 60, 3), parts);
        EXPECT_EQ(std::set<std::int32_t>(part.begin(), part.end()).size(), static_cast<std::size_t>(parts));
        // Unit weights; parts of two or one rows have no balance to speak of.
        for (std::int32_t p = 0; parts <= 7 && p < parts; ++p)
            EXPECT_LE(std::count(part.begin(), part.end(), p), 60 / parts + 5);
    }
}

TEST(PartitionGraph, SamePartsOnAnyNumberOfRanks) {
    const auto comm = Communicator::world();
    const auto self = Communicator::self();
    const auto targets = clustered_targets(90, 5, 1, 6);
    EXPECT_EQ(all_parts(comm, block_graph(comm, targets, 90, 5), 9),
              all_parts(self, block_graph(self, targets, 90, 5), 9));
}

TEST(PartitionGraph, RefusesMorePartsThanRowsOnAllRanks) {
    const auto comm = Communicator::world();
    EXPECT_THROW(all_parts(comm, block_graph(comm, {1, 0, 1}, 3, 1), 4), MetisError);
    EXPECT_EQ(all_reduce_sum(comm, 1), comm.size());
}

TEST(PlaceClusters, KeepsLinkedClustersTogether) {
    // Clusters 0-1 and 2-3 share many edges, 1-2 few.
    const std::vector<std::int64_t> offsets{0, 1, 3, 5, 6}, edges{100, 100, 1, 1, 100, 100},
        weights{10, 10, 10, 10};
    const std::vector<std::int32_t> neighbours{1, 0, 2, 1, 3, 2};
    const std::vector<int> ranks = place_clusters(offsets, neighbours, edges, weights, 2);
    EXPECT_EQ(ranks[0], ranks[1]);
    EXPECT_EQ(ranks[2], ranks[3]);
    EXPECT_NE(ranks[0], ranks[2]);
    // More ranks than clusters: a cluster each, the last ranks none.
    EXPECT_EQ(place_clusters(offsets, neighbours, edges, weights, 5), (std::vector<int>{0, 1, 2, 3}));
}

}  // namespace lapatlas
