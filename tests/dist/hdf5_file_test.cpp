#include "dist/hdf5_file.hpp"

#include <gtest/gtest.h>
#include <omp.h>

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
    EXPECT_THROW(file.read<double>("nothing"), InputError);
}

/// Sets OpenMP's threads while it lives.
class Threads {
  public:
    explicit Threads(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
    ~Threads() { omp_set_num_threads(before_); }

  private:
    int before_;
};

struct PackedCase {
    std::int64_t chunk_rows;
    int gzip_level;
};

class PackedChunks : public ::testing::TestWithParam<PackedCase> {
  protected:
    static std::vector<float> items(std::int64_t count) {
        std::vector<float> made;
        for (std::int64_t i = 0; i < count; ++i) made.push_back(static_cast<float>((i * i * 7919) % 1009));
        return made;
    }
    /// `whole` rows at once, the rest of `items` behind them; what the file holds is read back by `threads`.
    static void write(const std::filesystem::path& path, int threads, std::span<const float> items,
                      std::int64_t whole) {
        const Threads set(threads);
        Hdf5File file = Hdf5File::create_parallel(Communicator::self(), path);
        const Hdf5Layout layout{
            .chunk_rows = GetParam().chunk_rows, .gzip_level = GetParam().gzip_level, .growable = true};
        file.create_dataset<float>("x", {0}, layout);
        file.resize("x", whole);
        file.write_rows<float>("x", 0, items.first(static_cast<std::size_t>(whole)));
        file.resize("x", static_cast<std::int64_t>(items.size()));
        file.write_rows<float>("x", whole, items.subspan(static_cast<std::size_t>(whole)));
        file.close();
    }
};

// One thread is HDF5's own code: each of the two reads what the other has written, and the bytes on disk are
// the same.
TEST_P(PackedChunks, ThreadsWriteAndReadWhatHdf5Does) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    const std::int64_t whole = 13 * GetParam().chunk_rows, all = whole + GetParam().chunk_rows / 2;
    const std::vector<float> values = items(all);
    for (const int threads : {1, 3})
        write(folder / (std::to_string(threads) + ".h5"), threads, values, whole);
    std::vector<std::string> bytes;
    for (const int threads : {1, 3}) {
        const auto path = folder / (std::to_string(threads) + ".h5");
        const Hdf5File file = Hdf5File::open(path);
        for (const int readers : {1, 3}) {
            const Threads set(readers);
            EXPECT_EQ(file.read_rows<float>("x", 0, all), values)
                << threads << " wrote, " << readers << " read";
            const std::int64_t first = GetParam().chunk_rows - 1, count = 3 * GetParam().chunk_rows + 2;
            EXPECT_EQ(file.read_rows<float>("x", first, count),
                      std::vector<float>(values.begin() + first, values.begin() + first + count));
            const std::vector<double> wide = file.read_rows<double>("x", 0, all);  // converted, so by HDF5
            EXPECT_TRUE(std::equal(wide.begin(), wide.end(), values.begin()));
        }
        const Hdf5Handle dataset(H5Dopen2(file.id(), "x", H5P_DEFAULT), H5Dclose);
        std::string chunk(static_cast<std::size_t>(H5Dget_storage_size(dataset.get())), '\0');
        const hsize_t offset = static_cast<hsize_t>(5 * GetParam().chunk_rows);
        std::uint32_t skipped = 0;
        ASSERT_GE(H5Dread_chunk(dataset.get(), H5P_DEFAULT, &offset, &skipped, chunk.data()), 0);
        EXPECT_EQ(skipped, 0U);
        bytes.push_back(chunk);
    }
    EXPECT_EQ(bytes[0], bytes[1]);
}
INSTANTIATE_TEST_SUITE_P(Layouts, PackedChunks,
                         ::testing::Values(PackedCase{64, 1}, PackedCase{1000, 6}, PackedCase{4096, 9}));

// A chunk that is damaged on disk is HDF5's to report.
TEST(Hdf5File, DamagedChunksAreAnErrorOnSeveralThreads) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    const Threads set(3);
    std::vector<std::int32_t> values(4096);
    std::iota(values.begin(), values.end(), 0);
    {
        Hdf5File file = Hdf5File::create(folder / "d.h5");
        file.write<std::int32_t>("x", values, {4096}, {.chunk_rows = 256, .gzip_level = 1});
        const Hdf5Handle dataset(H5Dopen2(file.id(), "x", H5P_DEFAULT), H5Dclose);
        const hsize_t offset = 512;
        const std::string damaged = "no gzip stream";
        ASSERT_GE(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, &offset, damaged.size(), damaged.data()), 0);
    }
    const Hdf5File file = Hdf5File::open(folder / "d.h5");
    EXPECT_THROW(file.read_rows<std::int32_t>("x", 0, 4096), InputError);
    EXPECT_EQ(file.read_rows<std::int32_t>("x", 1024, 3072).front(), 1024);
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
