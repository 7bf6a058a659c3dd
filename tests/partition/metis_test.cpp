#include "partition/graph_partitioner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dist/collectives.hpp"
#include "partition/scotch_partitioner.hpp"
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

class ScotchParts : public testing::Test {
  protected:
    void SetUp() override {
        if (!has_scotch()) GTEST_SKIP() << "LAPATLAS_SKIPPED: this build has no PT-Scotch";
    }
    std::vector<std::int32_t> parts_of(const DistributedGraph& graph, std::int32_t parts) {
        const std::vector<std::int32_t> weights(static_cast<std::size_t>(graph.rows.size()), 1);
        return all_gather_v<std::int32_t>(comm, partition_graph(comm, graph, weights, parts, "scotch"));
    }
    Communicator comm = Communicator::world();
};

TEST_F(ScotchParts, AreBalancedCutLittleAndComeAgain) {
    constexpr std::int64_t kRows = 2000;
    const DistributedGraph graph = block_graph(comm, clustered_targets(kRows, 6, 4, 1), kRows, 6);
    const auto part = parts_of(graph, 4);
    EXPECT_EQ(part, parts_of(graph, 4));
    for (std::int32_t p = 0; p < 4; ++p) EXPECT_NEAR(std::count(part.begin(), part.end(), p), kRows / 4, 40);
    std::int64_t cut = 0;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        for (const std::int64_t column : graph.neighbours(r))
            cut += part[static_cast<std::size_t>(graph.rows.begin + r)] !=
                   part[static_cast<std::size_t>(column)];
    const std::int64_t edges = all_reduce_sum(comm, static_cast<std::int64_t>(graph.columns.size()));
    // Four disjoint components: next to nothing needs to be cut, of three quarters by chance.
    EXPECT_LT(static_cast<double>(all_reduce_sum(comm, cut)), 0.1 * static_cast<double>(edges));
}

TEST_F(ScotchParts, NoneIsEmpty) {
    const DistributedGraph graph = block_graph(comm, clustered_targets(60, 3, 5, 8), 60, 3);
    for (const std::int32_t parts : {1, 7, 60}) {
        const auto part = parts_of(graph, parts);
        EXPECT_EQ(std::set<std::int32_t>(part.begin(), part.end()).size(), static_cast<std::size_t>(parts));
    }
    EXPECT_THROW(parts_of(graph, 61), MetisError);
}

}  // namespace lapatlas
