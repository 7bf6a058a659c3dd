#include <gtest/gtest.h>

#include "dist/collectives.hpp"
#include "partition/components.hpp"
#include "partition/distributed_graph.hpp"
#include "partition/row_exchange.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

using testing_support::block_graph;
using testing_support::clustered_targets;

TEST(Symmetrise, PathByHand) {
    const auto comm = Communicator::world();
    // 0 -> 1, 1 -> 2, 2 -> 1, 3 -> (none): edges 0-1 and 1-2; row 3 alone. Duplicates merge, -1 is skipped.
    const std::vector<std::int64_t> targets{1, 2, 1, -1};
    const DistributedGraph graph = block_graph(comm, targets, 4, 1);
    const std::vector<std::vector<std::int64_t>> expected{{1}, {0, 2}, {1}, {}};
    for (std::int64_t r = graph.rows.begin; r < graph.rows.end; ++r) {
        const auto row = graph.neighbours(r - graph.rows.begin);
        EXPECT_EQ(std::vector<std::int64_t>(row.begin(), row.end()), expected[static_cast<std::size_t>(r)]);
    }
    validate(comm, graph);
}

TEST(Symmetrise, MatchesADenseMatrixOnAnyNumberOfRanks) {
    const auto comm = Communicator::world();
    const std::int64_t rows = 61, k = 4;
    const auto targets = clustered_targets(rows, k, 3, 1);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    const Eigen::MatrixXd dense = testing_support::dense_adjacency(targets, rows, k);
    for (std::int64_t r = graph.rows.begin; r < graph.rows.end; ++r) {
        std::vector<std::int64_t> expected;
        for (std::int64_t c = 0; c < rows; ++c)
            if (dense(r, c) != 0) expected.push_back(c);
        const auto row = graph.neighbours(r - graph.rows.begin);
        EXPECT_EQ(std::vector<std::int64_t>(row.begin(), row.end()), expected);
    }
    validate(comm, graph);
}

TEST(Validate, RefusesAnAsymmetricGraphOnAllRanks) {
    const auto comm = Communicator::world();
    DistributedGraph graph = block_graph(comm, {1, 2, 3, 0}, 4, 1);
    if (graph.rows.contains(0)) {
        graph.columns.erase(graph.columns.begin());
        for (std::size_t r = 1; r < graph.row_offsets.size(); ++r) --graph.row_offsets[r];
    }
    EXPECT_THROW(validate(comm, graph), InternalError);
    EXPECT_EQ(all_reduce_sum(comm, 1), comm.size());
}

TEST(RenameRows, ReversesAGraph) {
    const auto comm = Communicator::world();
    const std::int64_t rows = 23, k = 3;
    const auto targets = clustered_targets(rows, k, 2, 4);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    std::vector<std::int64_t> names;
    for (std::int64_t r = graph.rows.begin; r < graph.rows.end; ++r) names.push_back(rows - 1 - r);
    const DistributedGraph renamed = rename_rows(comm, graph, names);
    validate(comm, renamed);
    const Eigen::MatrixXd dense = testing_support::dense_adjacency(targets, rows, k);
    for (std::int64_t r = renamed.rows.begin; r < renamed.rows.end; ++r)
        for (const std::int64_t c : renamed.neighbours(r - renamed.rows.begin))
            EXPECT_EQ(dense(rows - 1 - r, rows - 1 - c), 1);
    EXPECT_EQ(all_reduce_sum(comm, static_cast<std::int64_t>(renamed.columns.size())),
              static_cast<std::int64_t>(dense.sum()));
}

TEST(FindComponents, CountsAndNamesThem) {
    const auto comm = Communicator::world();
    for (const int groups : {1, 3, 12}) {
        const DistributedGraph graph = block_graph(comm, clustered_targets(60, 3, groups, 2), 60, 3);
        const Components components = find_components(comm, graph);
        EXPECT_EQ(components.count, groups);
        for (std::int64_t r = graph.rows.begin; r < graph.rows.end; ++r)
            EXPECT_EQ(components.of_row[static_cast<std::size_t>(r - graph.rows.begin)], r % groups);
    }
}

TEST(FetchRows, AnswersInTheOrderAskedWithFewerRowsThanRanks) {
    const auto comm = Communicator::world();
    const BlockRange mine = block_of_rank(2, comm.size(), comm.rank());
    std::vector<float> values;
    for (std::int64_t r = mine.begin; r < mine.end; ++r)
        values.insert(values.end(), {10.f * static_cast<float>(r), 1.f});
    const std::vector<std::int64_t> wanted{1, 0, 1};
    EXPECT_EQ(fetch_rows<float>(comm, 2, values, 2, wanted), (std::vector<float>{10, 1, 0, 1, 10, 1}));
}

}  // namespace lapatlas
