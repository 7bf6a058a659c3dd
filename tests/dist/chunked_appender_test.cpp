#include "dist/chunked_appender.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

/// Appends 0, 1, 2, ... in rounds whose pieces are `sizes[round][rank]` long and reads them back.
void append_and_check(const Communicator& comm, std::int64_t chunk_rows,
                      const std::vector<std::vector<std::int64_t>>& sizes) {
    const TemporaryFolder folder(comm);
    Hdf5File file = Hdf5File::create_parallel(comm, folder / "a.h5");
    file.create_dataset<std::int32_t>("x", {0},
                                      {.chunk_rows = chunk_rows, .gzip_level = 1, .growable = true});
    ChunkedAppender<std::int32_t> appender(comm, "x", chunk_rows);
    std::int32_t next = 0;
    for (const auto& round : sizes) {
        std::vector<std::int32_t> mine;
        for (int rank = 0; rank < comm.size(); ++rank) {
            const std::int64_t size = round[static_cast<std::size_t>(rank) % round.size()];
            for (std::int64_t i = 0; i < size; ++i, ++next)
                if (rank == comm.rank()) mine.push_back(next);
        }
        appender.append(file, mine);
        EXPECT_EQ(appender.num_items(), next);
    }
    appender.finish(file);
    file.close();
    std::vector<std::int32_t> expected(static_cast<std::size_t>(next));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(Hdf5File::open(folder / "a.h5").read<std::int32_t>("x"), expected);
}

TEST(ChunkedAppender, PiecesOfAnySizeArriveInRankOrder) {
    const auto comm = Communicator::world();
    append_and_check(comm, 4, {{3, 1, 6, 0}, {0, 0, 1, 0}, {9, 20, 2, 5}, {0, 0, 0, 0}, {1, 1, 1, 1}});
}

TEST(ChunkedAppender, WholeChunksOnlyAndLessThanOneChunk) {
    const auto comm = Communicator::world();
    append_and_check(comm, 5, {{5}, {10}});
    append_and_check(comm, 1000, {{1, 2}, {0, 3}});
    append_and_check(comm, 3, {});
}

TEST(ChunkedAppender, FewerItemsThanRanks) {
    const auto comm = Communicator::world();
    append_and_check(comm, 1, {{0, 1, 0, 0}, {1, 0, 0, 0}});
}

TEST(DurableFile, CommitGivesTheNameAndRemovesThePartial) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    const auto path = folder / "a.txt";
    require_writable(path);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    std::ofstream(partial_path(path)) << "whole";
    commit_file(partial_path(path), path);
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_FALSE(std::filesystem::exists(partial_path(path)));
    EXPECT_THROW(require_writable(folder.path()), InputError);
    EXPECT_THROW(require_writable(folder / "none/a.txt"), InputError);
    EXPECT_THROW(require_writable("/proc/a.txt"), InputError);
    EXPECT_THROW(commit_file(folder / "missing", path), ResourceError);
}

}  // namespace lapatlas
