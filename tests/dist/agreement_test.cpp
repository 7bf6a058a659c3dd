#include "dist/agreement.hpp"

#include <gtest/gtest.h>

#include <string>

#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

TEST(Agreement, ReturnsEachRanksOwnValue) {
    const auto comm = Communicator::world();
    EXPECT_EQ(agreed(comm, [&] { return comm.rank() * 2; }), comm.rank() * 2);
}

TEST(Agreement, AllRanksThrowWhenTheLastOneFails) {
    const auto comm = Communicator::world();
    bool thrown = false;
    try {
        agreed(comm, [&] {
            if (comm.rank() == comm.size() - 1) throw InputError("row 7 is bad");
        });
    } catch (const InputError& error) {
        thrown = true;
        EXPECT_STREQ(error.what(), "row 7 is bad");
        EXPECT_EQ(error.exit_code(), 2);
    }
    EXPECT_TRUE(thrown);
    // The communicator is still usable: nobody is waiting.
    EXPECT_EQ(all_reduce_sum(comm, 1), comm.size());
}

TEST(Agreement, LowestFailingRankIsNamed) {
    const auto comm = Communicator::world();
    std::string message;
    try {
        agreed(comm, [&] {
            if (comm.rank() >= comm.size() / 2) throw ResourceError("rank failed");
        });
    } catch (const ResourceError& error) {
        message = error.what();
    }
    const std::string expected =
        comm.size() == 1 ? "rank failed" : "rank failed [rank " + std::to_string(comm.size() / 2) + "]";
    EXPECT_EQ(message, expected);
}

}  // namespace lapatlas
