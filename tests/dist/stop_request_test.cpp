#include "dist/stop_request.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

// One test: word to stop is never taken back in a process.
TEST(StopRequest, OneRanksSignalStopsAll) {
    const auto comm = Communicator::world();
    StopRequest::listen();
    EXPECT_EQ(StopRequest::word(), 0);
    StopRequest::obey(comm, "nothing yet");
    StopRequest::stop_from(std::chrono::system_clock::now() + std::chrono::hours(1));
    EXPECT_EQ(StopRequest::word(), 0);
    if (comm.rank() == comm.size() - 1) std::raise(SIGUSR1);
    try {
        StopRequest::obey(comm, "all is kept");
        FAIL() << "rank " << comm.rank() << " goes on";
    } catch (const Stopped& stopped) {
        EXPECT_STREQ(stopped.what(), "stopped by SIGUSR1; all is kept");
        EXPECT_EQ(stopped.exit_code(), 75);
    }
    StopRequest::stop_from(std::chrono::system_clock::now());
    const int most = all_reduce_max(comm, StopRequest::word());
    EXPECT_EQ(StopRequest::text(most), comm.size() > 1 ? "the end of the job's time" : "SIGUSR1");
}

}  // namespace lapatlas
