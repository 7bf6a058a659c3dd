#include "dist/heartbeat.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "dist/activity.hpp"
#include "dist/collectives.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

using namespace std::chrono_literals;

/// What the watching thread has said, instead of ending the process.
struct Heard {
    std::mutex mutex;
    std::string line;
    std::atomic<int> ended = 0, warnings = 0, exit_code = 0;
    Heartbeat::Options options(double silent, double stuck) {
        return {.watch = {.silent_seconds = silent, .stuck_seconds = stuck},
                .on_end =
                    [this](const std::string& text) {
                        const std::lock_guard lock(mutex);
                        line = text;
                    },
                .on_warning = [this](const std::string&) { ++warnings; },
                .end_mark = {},
                .end_process =
                    [this](int code) {
                        exit_code = code;
                        ++ended;
                    }};
    }
    std::string text() {
        const std::lock_guard lock(mutex);
        return line;
    }
};

}  // namespace

TEST(Heartbeat, RanksThatLiveAreLeftAlone) {
    const auto comm = Communicator::world();
    Heard heard;
    {
        const Heartbeat heartbeat(comm, heard.options(3, 600));
        // Rank by rank to the end, far apart: who has said good-bye is not missed.
        std::this_thread::sleep_for(4s + comm.rank() * 500ms);
    }
    barrier(comm);
    EXPECT_EQ(heard.ended, 0) << heard.text();
    EXPECT_EQ(heard.warnings, 0);
}

TEST(Heartbeat, ARankThatStandsStillIsNamedAndAllAreEnded) {
    const auto comm = Communicator::world();
    if (comm.size() == 1) GTEST_SKIP() << "wants two ranks";
    Heard heard;
    const testing_support::TemporaryFolder folder(comm);
    const auto mark_path = folder / "ended";
    {
        Heartbeat::Options options = heard.options(10, 1);
        options.end_mark = mark_path;
        const Heartbeat heartbeat(comm, options);
        Activity::at("test steps", 5);
        if (comm.rank() == 1) std::this_thread::sleep_for(7s);
        barrier(comm);
        EXPECT_EQ(heard.ended, 1);
        EXPECT_EQ(heard.exit_code, 75);
        std::ifstream mark(mark_path);
        int marked = 0;
        EXPECT_TRUE(mark >> marked) << mark_path;
        EXPECT_EQ(marked, 75);
        if (comm.is_root()) {
            EXPECT_NE(heard.text().find("rank 1 on "), std::string::npos) << heard.text();
            EXPECT_NE(heard.text().find("(after 5 test steps, at work outside of MPI) has stood still"),
                      std::string::npos)
                << heard.text();
            EXPECT_NE(heard.text().find("in MPI_Barrier"), std::string::npos) << heard.text();
        } else {
            EXPECT_EQ(heard.text(), "");
        }
    }
    barrier(comm);
}

TEST(Heartbeat, WaitingIsCountedByMpisOwnNames) {
    const auto comm = Communicator::world();
    const double before = Activity::waited_seconds();
    if (comm.size() > 1 && comm.rank() == 1) std::this_thread::sleep_for(500ms);
    barrier(comm);
    const double waited = Activity::waited_seconds() - before;
    if (comm.size() > 1 && comm.is_root()) {
        EXPECT_GT(waited, 0.3);
    }
    EXPECT_EQ(Activity::now().waiting_in, "");
}

}  // namespace lapatlas
