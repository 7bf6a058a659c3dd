#include "dist/staged_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "tests/support/file_content.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::content_of;
using testing_support::TemporaryFolder;

TEST(StagedFile, EveryRankReadsACopyThatIsGoneAfterwards) {
    const auto comm = Communicator::world();
    const TemporaryFolder shared(comm), scratch(comm);
    if (comm.is_root()) std::ofstream(shared / "data.h5") << "cells";
    barrier(comm);
    {
        const StagedFile staged(comm, shared / "data.h5", scratch.path());
        EXPECT_EQ(staged.path().parent_path(), scratch.path());
        EXPECT_EQ(content_of(staged.path()), "cells");
        barrier(comm);
    }
    barrier(comm);
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
    const StagedFile itself(comm, shared / "data.h5", "");
    EXPECT_EQ(itself.path(), shared / "data.h5");
}

TEST(StagedFile, WhatCannotBeCopiedIsSaidOnAllRanks) {
    const auto comm = Communicator::world();
    const TemporaryFolder scratch(comm);
    EXPECT_THROW(StagedFile(comm, scratch / "missing.h5", scratch.path()), ResourceError);
    EXPECT_THROW(StagedFile(comm, scratch / "missing.h5", scratch / "nowhere"), InputError);
    barrier(comm);
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

}  // namespace lapatlas
