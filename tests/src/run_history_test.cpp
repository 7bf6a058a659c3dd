#include "src/run_history.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "dist/activity.hpp"
#include "dist/collectives.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

/// Of every pair of nodes what `wait` says, in either direction.
std::vector<double> waits_of(std::size_t nodes, const std::function<double(std::size_t, std::size_t)>& wait) {
    std::vector<double> waits(nodes * nodes, 0.0);
    for (std::size_t a = 0; a < nodes; ++a)
        for (std::size_t b = 0; b < nodes; ++b)
            if (a != b) waits[a * nodes + b] = wait(std::min(a, b), std::max(a, b));
    return waits;
}

}  // namespace

TEST(RunHistory, NamesTheNodeWhoseExchangesStandOut) {
    const std::vector<std::string> four{"n1", "n2", "n3", "n4"}, three{"n1", "n2", "n3"};
    const auto with_third = [](double slow) {
        return [slow](std::size_t a, std::size_t b) { return a == 2 || b == 2 ? slow : 0.02; };
    };
    EXPECT_EQ(slow_node("train", four, waits_of(4, with_third(0.06))),
              "exchanges with node n3 took 36 % of the ranks' time in train, each 3.0 times as long as one "
              "between other "
              "nodes: n3 or its network is slow");
    EXPECT_EQ(slow_node("train", four, waits_of(4, with_third(0.03))), "") << "none stands out";
    EXPECT_EQ(
        slow_node("train", four, waits_of(4, [&](auto a, auto b) { return with_third(0.03)(a, b) / 10; })),
        "")
        << "too little to speak of";
    EXPECT_EQ(slow_node("train", {"n1", "n2"}, waits_of(2, [](auto, auto) { return 0.3; })), "")
        << "of two nodes neither can be told from the other";
    // Neighbouring stretches of a graph make chains: the middle one has more exchanges, not slower ones.
    const auto chain = [](std::size_t a, std::size_t b) { return b == a + 1 ? 0.1 : 0.0; };
    EXPECT_EQ(slow_node("train", three, waits_of(3, chain)), "");
    EXPECT_EQ(slow_node("train", four, waits_of(4, chain)), "");
    EXPECT_EQ(slow_node("train", three, waits_of(3, [](auto a, auto b) { return b == a + 1 ? 0.1 : 0.06; })),
              "");
}

TEST(RunHistory, IsReadAsItWasWrittenAndTakesBrokenLines) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    const RunFolder run{folder.path()};
    Log log = Log::silent();
    recorded(comm, run, "prepare", log, [] {});
    if (comm.is_root()) std::ofstream(run.history(), std::ios::app) << "{\"stage\": \"tr\n";
    EXPECT_THROW(recorded(comm, run, "train", log, [] { throw Stopped("asked to"); }), Stopped);
    EXPECT_THROW(recorded(comm, run, "generate", log, [] { throw InputError("no cells"); }), InputError);
    barrier(comm);
    const std::vector<StageRecord> records = read_history(run.history());
    ASSERT_EQ(records.size(), 2);
    EXPECT_EQ(records[0].stage + " " + records[0].state, "prepare done");
    EXPECT_EQ(records[1].stage + " " + records[1].state, "train stopped");
    for (const StageRecord& record : records) {
        EXPECT_EQ(record.ranks, comm.size());
        ASSERT_EQ(record.nodes.size(), 1);
        EXPECT_EQ(record.nodes[0].ranks, comm.size());
        EXPECT_GE(record.seconds, 0);
    }
    EXPECT_TRUE(read_history(folder / "none").empty());
}

TEST(RunHistory, CountsWhoWasWaitedFor) {
    const auto comm = Communicator::world();
    const StageClock clock;
    // On one machine no exchange goes between nodes, however long it is waited for.
    Activity::add_waited_for(0, 5);
    const StageRecord record = clock.record(comm, "train", "done");
    ASSERT_EQ(record.nodes.size(), 1);
    EXPECT_EQ(record.nodes[0].exchange_share, 0);
}

}  // namespace lapatlas
