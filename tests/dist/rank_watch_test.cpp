#include "dist/rank_watch.hpp"

#include <gtest/gtest.h>

namespace lapatlas {

namespace {

using namespace std::chrono_literals;

const RankWatch::Time kStart = RankWatch::Time() + 1h;
constexpr RankWatch::Options kOptions{.silent_seconds = 60, .stuck_seconds = 600};

RankWatch watch_of(int self) { return {{"n1", "n2", "n2", "n3"}, self, kOptions, kStart}; }

RankWatch::Sign computing(double cpu_seconds, std::int64_t done = 7) {
    return {{"joint steps", done, "", 0}, cpu_seconds, 0};
}
RankWatch::Sign waiting(const std::string& call, double seconds, double cpu_seconds = 0) {
    return {{"joint steps", 7, call, seconds}, cpu_seconds, 0};
}

}  // namespace

TEST(RankWatch, NamesTheSilentRankItsHostAndWhereItWas) {
    RankWatch watch = watch_of(0);
    for (int second = 0; second <= 90; second += 10) {
        const auto now = kStart + std::chrono::seconds(second);
        for (const int rank : {1, 2, 3})
            if (rank != 2 || second <= 20) watch.heard(rank, waiting("halo exchange", 1), now);
        const auto verdict = watch.verdict(computing(second), now);
        if (second <= 80) {
            EXPECT_FALSE(verdict) << verdict->line;
        } else {
            ASSERT_TRUE(verdict);
            EXPECT_EQ(verdict->line,
                      "rank 2 on n2 (after 7 joint steps, in halo exchange) has given no sign of life for 70 "
                      "s: it is dead, stopped or cut off");
        }
    }
}

TEST(RankWatch, CountsTheOthersThatAreSilent) {
    RankWatch watch = watch_of(0);
    for (const int rank : {1, 2, 3}) watch.heard(rank, computing(0), kStart);
    watch.heard(1, computing(61), kStart + 61s);
    const auto verdict = watch.verdict(computing(0), kStart + 61s);
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->line.starts_with("rank 2 on n2")) << verdict->line;
    EXPECT_TRUE(verdict->line.ends_with(", and so for 1 more")) << verdict->line;
}

TEST(RankWatch, ADeathIsKnownAtOnceAndARankThatLeftIsNotMissed) {
    RankWatch watch = watch_of(0);
    for (const int rank : {1, 2, 3}) watch.heard(rank, computing(0), kStart);
    watch.left(3);
    watch.gone(3);
    EXPECT_FALSE(watch.verdict(computing(1), kStart + 1s));
    watch.gone(1);
    const auto verdict = watch.verdict(computing(1), kStart + 1s);
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->line, "rank 1 on n2 (after 7 joint steps, at work outside of MPI) has died");
}

TEST(RankWatch, OthersWatchRankZeroAlone) {
    RankWatch watch = watch_of(2);
    for (const int rank : {0, 1, 3}) watch.heard(rank, computing(0), kStart);
    watch.heard(0, computing(50), kStart + 50s);
    EXPECT_FALSE(watch.verdict(computing(1), kStart + 100s));
    const auto verdict = watch.verdict(computing(1), kStart + 111s);
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->line.starts_with("rank 0 on n1")) << verdict->line;
}

TEST(RankWatch, WhoHasSleptItselfHoldsNothingAgainstOthers) {
    RankWatch watch = watch_of(0);
    for (const int rank : {1, 2, 3}) watch.heard(rank, computing(0), kStart);
    watch.heard(3, waiting("halo exchange", 3600, 0), kStart + 1h);
    watch.slept(kStart + 1h);
    EXPECT_FALSE(watch.verdict(computing(0), kStart + 1h + 59s));
    EXPECT_TRUE(watch.verdict(computing(0), kStart + 1h + 61s));
}

TEST(RankWatch, WithoutAnyHeartbeatSilenceIsToldOfOnceAndNotHeldAgainstAnyone) {
    RankWatch watch = watch_of(0);
    for (const int rank : {1, 2}) watch.heard(rank, computing(0), kStart);
    EXPECT_TRUE(watch.never_heard(kStart + 59s).empty());
    EXPECT_EQ(watch.never_heard(kStart + 60s), std::vector<int>{3});
    EXPECT_TRUE(watch.never_heard(kStart + 70s).empty());
    for (const int rank : {1, 2}) watch.heard(rank, computing(70), kStart + 70s);
    EXPECT_FALSE(watch.verdict(computing(70), kStart + 100s));
}

TEST(RankWatch, WhatWasNeverHeardOfIsNotStuckEither) {
    RankWatch watch = watch_of(0);
    for (int second = 0; second <= 800; second += 10) {
        const auto now = kStart + std::chrono::seconds(second);
        // Rank 1 is on this machine, the datagrams of the others do not come through.
        watch.heard(1, waiting("MPI_Bcast", second, second), now);
        const auto verdict = watch.verdict(computing(second), now);
        EXPECT_FALSE(verdict) << verdict->line;
    }
}

TEST(RankWatch, ARankThatReadsIsNotAtRestAndOneInMpiIoCountsByWhatItUses) {
    for (const double bytes_a_second : {0.0, 1e6}) {
        RankWatch watch = watch_of(0);
        std::optional<RankWatch::Verdict> verdict;
        for (int second = 0; second <= 700 && !verdict; second += 10) {
            const auto now = kStart + std::chrono::seconds(second);
            RankWatch::Sign reads = waiting("MPI_File_write_at_all", second, 0);
            reads.io_bytes = bytes_a_second * second;
            watch.heard(1, reads, now);
            // These spin in the same call until the one that is held up comes to its end.
            for (const int rank : {2, 3})
                watch.heard(rank, waiting("MPI_File_write_at_all", second, second), now);
            verdict = watch.verdict(waiting("MPI_File_write_at_all", second, second), now);
        }
        EXPECT_EQ(verdict.has_value(), bytes_a_second == 0);
        if (verdict) {
            EXPECT_TRUE(
                verdict->line.starts_with("rank 1 on n2 (after 7 joint steps, in MPI_File_write_at_all)"))
                << verdict->line;
        }
    }
}

TEST(RankWatch, ARankAtRestThatOthersWaitForIsStuckAndOneThatComputesIsNot) {
    for (const bool computes : {false, true}) {
        RankWatch watch = watch_of(0);
        std::optional<RankWatch::Verdict> verdict;
        int second = 0;
        for (; second <= 700 && !verdict; second += 10) {
            const auto now = kStart + std::chrono::seconds(second);
            watch.heard(1, computing(computes ? second : 0.001 * second), now);
            for (const int rank : {2, 3}) watch.heard(rank, waiting("MPI_Allreduce", second, second), now);
            verdict = watch.verdict(waiting("MPI_Allreduce", second, second), now);
        }
        EXPECT_EQ(verdict.has_value(), !computes);
        if (!verdict) continue;
        EXPECT_GE(second, 600);
        EXPECT_TRUE(verdict->line.starts_with(
            "rank 1 on n2 (after 7 joint steps, at work outside of MPI) has stood still for "
            "600 s"))
            << verdict->line;
        EXPECT_NE(verdict->line.find("rank 3 on n3 (after 7 joint steps, in MPI_Allreduce)"),
                  std::string::npos)
            << verdict->line;
    }
}

TEST(RankWatch, RanksThatAllWaitForOneAnotherAreStuck) {
    RankWatch watch = watch_of(0);
    watch.heard(1, waiting("MPI_Barrier", 601, 601), kStart + 601s);
    for (const int rank : {2, 3}) watch.heard(rank, waiting("halo exchange", 650, 650), kStart + 601s);
    EXPECT_FALSE(watch.verdict(waiting("MPI_Bcast", 10, 601), kStart + 601s));
    const auto verdict = watch.verdict(waiting("MPI_Bcast", 601, 601), kStart + 602s);
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->line.starts_with("all ranks have waited for one another for 600 s"))
        << verdict->line;
    EXPECT_NE(verdict->line.find("rank 1 on n2 (after 7 joint steps, in MPI_Barrier)"), std::string::npos)
        << verdict->line;
}

}  // namespace lapatlas
