#include "partition/graph_shard.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dist/collectives.hpp"
#include "dist/halo_exchange.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

using testing_support::block_graph;
using testing_support::clustered_targets;

namespace {

/// Six rows in three clusters of two; rows in a ring 0-1-2-3-4-5-0. Cluster c on rank c mod ranks.
IndexMap ring_map(int ranks) {
    std::vector<int> owners;
    for (int c = 0; c < 3; ++c) owners.push_back(c % ranks);
    return {{0, 2, 4, 6}, owners, ranks};
}

GraphShard ring_shard(const Communicator& comm, const IndexMap& map) {
    std::vector<std::int64_t> offsets{0}, columns;
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        const std::int64_t a = (row + 5) % 6, b = (row + 1) % 6;
        columns.push_back(std::min(a, b));
        columns.push_back(std::max(a, b));
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    return build_graph_shard(comm, map, offsets, columns);
}

/// A shard of a random graph under a map that deals clusters of uneven size to ranks in turn.
struct RandomCase {
    DistributedGraph whole;
    IndexMap map;
    GraphShard shard;
};

RandomCase random_case(const Communicator& comm, std::int64_t rows) {
    const std::int64_t k = 4, clusters = 7;
    DistributedGraph whole = block_graph(Communicator::self(), clustered_targets(rows, k, 1, 3), rows, k);
    std::vector<std::int64_t> offsets{0};
    std::vector<int> owners;
    for (std::int64_t c = 0; c < clusters; ++c) {
        offsets.push_back(rows * (c + 1) * (c + 2) / (clusters * (clusters + 1)));
        owners.push_back(static_cast<int>((c * 5 + 1) % comm.size()));
    }
    IndexMap map(offsets, owners, comm.size());
    std::vector<std::int64_t> row_offsets{0}, columns;
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        const auto neighbours = whole.neighbours(row);
        columns.insert(columns.end(), neighbours.begin(), neighbours.end());
        row_offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    GraphShard shard = build_graph_shard(comm, map, row_offsets, columns);
    return {std::move(whole), std::move(map), std::move(shard)};
}

/// Every owned and ghost row of an exchanged matrix must hold its own global row's numbers.
void expect_exchange_is_right(const Communicator& comm, const GraphShard& shard, std::int64_t width) {
    const std::int64_t local = shard.num_owned + shard.num_ghosts();
    std::vector<float> rows(static_cast<std::size_t>(local * width), -1);
    const auto value = [&](std::int64_t id, std::int64_t j) { return static_cast<float>(100 * id + j); };
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (std::int64_t j = 0; j < width; ++j)
            rows[static_cast<std::size_t>(r * width + j)] =
                value(shard.owned_ids[static_cast<std::size_t>(r)], j);
    HaloStatistics statistics;
    HaloExchange<float> halo(comm, shard.plan, &statistics);
    halo.start(rows.data(), shard.num_owned, width);
    halo.poll();
    halo.finish();
    for (std::int64_t r = 0; r < local; ++r)
        for (std::int64_t j = 0; j < width; ++j)
            EXPECT_EQ(rows[static_cast<std::size_t>(r * width + j)],
                      value(shard.global_id(static_cast<std::int32_t>(r)), j));
    EXPECT_EQ(statistics.sent_bytes,
              static_cast<std::int64_t>(shard.plan.send_rows.size() * sizeof(float)) * width);
}

}  // namespace

TEST(IndexMap, LooksUpOwnersAndLocalRows) {
    const IndexMap map({0, 2, 2, 5, 6}, {1, 0, 0, 1}, 2);
    EXPECT_EQ(map.rows_of_rank(0), (std::vector<std::int64_t>{2, 3, 4}));
    EXPECT_EQ(map.rows_of_rank(1), (std::vector<std::int64_t>{0, 1, 5}));
    EXPECT_EQ(map.owner(4), 0);
    EXPECT_EQ(map.local_row(4), 2);
    EXPECT_EQ(map.local_row(5), 2);
    EXPECT_EQ(map.num_rows_of_rank(1), 3);
}

TEST(GraphShard, RingTableByHand) {
    const auto comm = Communicator::world();
    const IndexMap map = ring_map(comm.size());
    const GraphShard shard = ring_shard(comm, map);
    // What each rank holds as ghosts, and which of its rows it sends, written out for 1 to 4 ranks.
    const std::vector<std::vector<std::vector<std::int64_t>>> ghosts{
        {{}}, {{2, 3}, {1, 4}}, {{2, 5}, {1, 4}, {0, 3}}, {{2, 5}, {1, 4}, {0, 3}, {}}};
    const auto& expected =
        ghosts[static_cast<std::size_t>(comm.size()) - 1][static_cast<std::size_t>(comm.rank())];
    EXPECT_EQ(shard.ghost_ids, expected);
    const std::vector<std::vector<std::vector<std::int64_t>>> sent{
        {{}}, {{1, 4}, {2, 3}}, {{1, 0}, {2, 3}, {5, 4}}, {{1, 0}, {2, 3}, {5, 4}, {}}};
    std::vector<std::int64_t> sent_ids;
    for (const std::int32_t row : shard.plan.send_rows)
        sent_ids.push_back(shard.owned_ids[static_cast<std::size_t>(row)]);
    EXPECT_EQ(sent_ids,
              sent[static_cast<std::size_t>(comm.size()) - 1][static_cast<std::size_t>(comm.rank())]);
    EXPECT_EQ(shard.interior_rows.size() + shard.boundary_rows.size(),
              static_cast<std::size_t>(shard.num_owned));
    expect_exchange_is_right(comm, shard, 1);
}

TEST(GraphShard, RandomGraphExchangesTheRightRows) {
    const auto comm = Communicator::world();
    for (const std::int64_t rows : {7, 83}) {
        const RandomCase random = random_case(comm, rows);
        for (const std::int64_t width : {1, 5}) expect_exchange_is_right(comm, random.shard, width);
        EXPECT_EQ(all_reduce_sum(comm, random.shard.num_edges()),
                  static_cast<std::int64_t>(random.whole.columns.size()));
        // Columns keep the global order within a row.
        for (std::int64_t r = 0; r < random.shard.num_owned; ++r) {
            std::int64_t last = -1;
            for (const std::int32_t c : random.shard.neighbours(r)) {
                EXPECT_GT(random.shard.global_id(c), last);
                last = random.shard.global_id(c);
            }
        }
    }
}

TEST(GraphShard, ExtraRowsAddNoEdgesToOthers) {
    const auto comm = Communicator::world();
    const IndexMap map = ring_map(comm.size());
    std::vector<std::int64_t> offsets{0}, columns, extra;
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        columns.push_back((row + 1) % 6);
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    extra.push_back(6 + comm.rank());
    columns.insert(columns.end(), {0, 5});
    offsets.push_back(static_cast<std::int64_t>(columns.size()));
    const GraphShard shard = build_graph_shard(comm, map, offsets, columns, extra);
    EXPECT_EQ(shard.num_owned, map.num_rows_of_rank(comm.rank()) + 1);
    EXPECT_EQ(shard.owned_ids.back(), 6 + comm.rank());
    for (const std::int64_t ghost : shard.ghost_ids) EXPECT_LT(ghost, 6);
    expect_exchange_is_right(comm, shard, 2);
}

TEST(Induce, KeepsEdgesWithinActiveClustersAndLeadsTheOthersBack) {
    const auto comm = Communicator::world();
    const RandomCase random = random_case(comm, 83);
    for (const std::vector<std::uint8_t>& active :
         {std::vector<std::uint8_t>{1, 0, 1, 0, 1, 1, 0}, std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 1},
          std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 1}}) {
        const InducedShard induced = induce(random.shard, random.map, active);
        const auto is_active = [&](std::int64_t row) {
            return active[static_cast<std::size_t>(random.map.cluster_of_row(row))] != 0;
        };
        for (std::int64_t r = 0; r < induced.shard.num_owned; ++r) {
            const std::int64_t id = induced.shard.owned_ids[static_cast<std::size_t>(r)];
            EXPECT_TRUE(is_active(id));
            EXPECT_EQ(
                random.shard
                    .owned_ids[static_cast<std::size_t>(induced.kept_rows[static_cast<std::size_t>(r)])],
                id);
            std::vector<std::int64_t> expected, found;
            std::int32_t absent = 0;
            for (const std::int64_t c : random.whole.neighbours(id)) {
                if (is_active(c))
                    expected.push_back(c);
                else
                    ++absent;
            }
            EXPECT_EQ(induced.shard.absent[static_cast<std::size_t>(r)], absent);
            if (absent > 0) expected.insert(std::upper_bound(expected.begin(), expected.end(), id), id);
            for (const std::int32_t c : induced.shard.neighbours(r))
                found.push_back(induced.shard.global_id(c));
            EXPECT_EQ(found, expected);
        }
        expect_exchange_is_right(comm, induced.shard, 3);
    }
}

}  // namespace lapatlas
