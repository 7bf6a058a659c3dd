#include "dist/collectives.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "dist/block_range.hpp"

namespace lapatlas {

TEST(BlockRange, CoversAllRowsOnceAndInverts) {
    for (const std::int64_t rows : {0, 1, 2, 7, 100}) {
        for (const int ranks : {1, 2, 3, 4, 9}) {
            std::int64_t next = 0;
            for (int r = 0; r < ranks; ++r) {
                const BlockRange range = block_of_rank(rows, ranks, r);
                EXPECT_EQ(range.begin, next);
                for (std::int64_t row = range.begin; row < range.end; ++row)
                    EXPECT_EQ(rank_of_row(rows, ranks, row), r);
                next = range.end;
            }
            EXPECT_EQ(next, rows);
        }
    }
}

TEST(Collectives, SumsMaximaAndPrefixSums) {
    const auto comm = Communicator::world();
    const int n = comm.size();
    EXPECT_EQ(all_reduce_sum(comm, comm.rank() + 1), n * (n + 1) / 2);
    EXPECT_EQ(all_reduce_max(comm, comm.rank()), n - 1);
    EXPECT_EQ(exclusive_sum<std::int64_t>(comm, 10), 10 * comm.rank());
}

TEST(Collectives, GatherVConcatenatesInRankOrder) {
    const auto comm = Communicator::world();
    // Rank r brings r items; rank 0 none.
    const std::vector<std::int64_t> mine(static_cast<std::size_t>(comm.rank()), comm.rank());
    const auto all = all_gather_v<std::int64_t>(comm, mine);
    std::vector<std::int64_t> expected;
    for (int r = 0; r < comm.size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r), r);
    EXPECT_EQ(all, expected);
    const auto gathered = gather_v<std::int64_t>(comm, mine);
    EXPECT_EQ(gathered, comm.is_root() ? expected : std::vector<std::int64_t>{});
    EXPECT_EQ(scatter_v<std::int64_t>(comm, gathered, comm.rank()), mine);
}

TEST(Collectives, SendToReachesTheNamedRank) {
    const auto comm = Communicator::world();
    std::vector<int> items, destinations;
    for (int r = 0; r < comm.size(); ++r) {
        items.push_back(100 * comm.rank() + r);
        destinations.push_back(r);
    }
    const auto received = send_to<int>(comm, items, destinations);
    std::vector<int> expected;
    for (int s = 0; s < comm.size(); ++s) expected.push_back(100 * s + comm.rank());
    EXPECT_EQ(received.items, expected);
    EXPECT_EQ(received.offsets.back(), comm.size());
}

TEST(Collectives, BroadcastOfTexts) {
    const auto comm = Communicator::world();
    std::vector<std::string> texts;
    if (comm.is_root()) texts = {"B cells", "", "naïve"};
    broadcast(comm, texts);
    EXPECT_EQ(texts, (std::vector<std::string>{"B cells", "", "naïve"}));
}

}  // namespace lapatlas
