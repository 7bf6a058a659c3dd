#include "dist/hdf5_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

TEST(Hdf5File, RoundTripOnOneRank) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    {
        const std::vector<double> values{1, 2, 3, 4, 5, 6};
        Hdf5File file = Hdf5File::create(folder / "a.h5");
        file.write<double>("group/values", values, {3, 2});
        file.write_strings("names", {"x", "", "µ"});
        file.write_scalar<std::int64_t>("seed", 42);
        file.write_string("title", "atlas");
        file.write_attribute("group", "kind", "test");
        file.close();
    }
    const Hdf5File file = Hdf5File::open(folder / "a.h5");
    EXPECT_EQ(file.shape("group/values"), (std::vector<std::int64_t>{3, 2}));
    EXPECT_EQ(file.read_rows<double>("group/values", 1, 2), (std::vector<double>{3, 4, 5, 6}));
    EXPECT_EQ(file.read<float>("group/values")[5], 6.0f);
    EXPECT_EQ(file.read_strings("names"), (std::vector<std::string>{"x", "", "µ"}));
    EXPECT_EQ(file.read_strings("names", 2, 1), (std::vector<std::string>{"µ"}));
    EXPECT_EQ(file.read_scalar<std::int64_t>("seed"), 42);
    EXPECT_EQ(file.read_string("title"), "atlas");
    EXPECT_EQ(file.string_attribute("group", "kind"), "test");
    EXPECT_EQ(file.string_attribute("group", "missing"), std::nullopt);
    EXPECT_FALSE(file.exists("group/nothing/deeper"));
    EXPECT_TRUE(file.is_group("group"));
    EXPECT_THROW(file.read<double>("nothing"), Hdf5Error);
}

TEST(Hdf5File, UserErrorsNameThePath) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    std::ofstream(folder / "text.h5ad") << "not hdf5";
    EXPECT_THROW(Hdf5File::open(folder / "missing.h5ad"), InputError);
    EXPECT_THROW(Hdf5File::open(folder.path()), InputError);
    EXPECT_THROW(Hdf5File::open(folder / "text.h5ad"), InputError);
}

TEST(Hdf5File, ParallelRowsOfAllRanksIncludingEmptyOnes) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    const std::int64_t rows = 3;  // fewer than four ranks
    const BlockRange mine = block_of_rank(rows, comm.size(), comm.rank());
    {
        Hdf5File file = Hdf5File::create_parallel(comm, folder / "p.h5");
        file.create_dataset<std::int32_t>("plain", {rows, 2});
        file.create_dataset<std::int32_t>("packed", {0},
                                          {.chunk_rows = 2, .gzip_level = 1, .growable = true});
        std::vector<std::int32_t> values;
        for (std::int64_t r = mine.begin; r < mine.end; ++r) {
            values.push_back(static_cast<std::int32_t>(10 * r));
            values.push_back(static_cast<std::int32_t>(10 * r + 1));
        }
        file.write_rows<std::int32_t>("plain", mine.begin, values);
        file.resize("packed", 2 * rows);
        file.write_rows<std::int32_t>("packed", 2 * mine.begin, values);
        file.close();
    }
    const Hdf5File file = Hdf5File::open(folder / "p.h5");
    const std::vector<std::int32_t> expected{0, 1, 10, 11, 20, 21};
    EXPECT_EQ(file.read<std::int32_t>("plain"), expected);
    EXPECT_EQ(file.read<std::int32_t>("packed"), expected);
}

}  // namespace lapatlas
