#include "src/run_history.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "dist/activity.hpp"
#include "dist/collectives.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

/// Four nodes; `exchanges` of each, as shares of the ranks' time.
StageRecord record_of(const std::vector<double>& exchanges) {
    StageRecord record;
    record.stage = "train";
    record.state = "done";
    const char* hosts[] = {"n1", "n2", "n3", "n4"};
    for (std::size_t n = 0; n < exchanges.size(); ++n)
        record.nodes.push_back({hosts[n], 2, 0.25, exchanges[n]});
    record.ranks = 2 * static_cast<int>(exchanges.size());
    return record;
}

}  // namespace

TEST(RunHistory, NamesTheNodeWhoseExchangesStandOut) {
    EXPECT_EQ(record_of({0.1, 0.1, 0.31, 0.12}).slow_node(),
              "exchanges with node n3 took 31 % of the ranks' time in train, with n4 (the next) 12 %: n3 or "
              "its network "
              "is slow");
    EXPECT_EQ(record_of({0.1, 0.1, 0.14, 0.12}).slow_node(), "") << "none stands out";
    EXPECT_EQ(record_of({0.001, 0.001, 0.04, 0.001}).slow_node(), "") << "too little to speak of";
    EXPECT_EQ(record_of({0.3, 0.3}).slow_node(), "") << "of two nodes neither can be told from the other";
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
