#include "src/io/h5ad_writer.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/io/atlas_reader.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

std::string numbered(std::string prefix, std::int64_t number) {
    prefix += std::to_string(number);
    return prefix;
}

constexpr std::int64_t kGenes = 7;

/// Row `cell` of a matrix that any rank can make: cell % 4 entries.
void add_row(CountMatrix& counts, std::int64_t cell) {
    for (std::int64_t i = 0; i < cell % 4; ++i) {
        counts.gene_indices.push_back(static_cast<std::int32_t>(2 * i));
        counts.values.push_back(static_cast<float>(cell + 10 * i));
    }
    counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
}

H5adHeader small_header() {
    H5adHeader header;
    for (std::int64_t gene = 0; gene < kGenes; ++gene) header.gene_names.push_back(numbered("g", gene));
    header.categorical_obs = {{"type", {"b", "a"}}};
    header.numeric_obs = {"depth"};
    header.obsm = {{"X_latent", 2}};
    header.dense_layer = "rates";
    header.chunk_entries = 5;
    header.uns = {{"lapatlas/version", "1"}};
    return header;
}

/// Cells [first, first + count) dealt to the ranks.
void append_round(const Communicator& comm, H5adWriter& writer, std::int64_t first, std::int64_t count) {
    const BlockRange mine = block_of_rank(count, comm.size(), comm.rank());
    CountMatrix counts;
    counts.num_genes = kGenes;
    H5adRows rows{.counts = &counts, .codes = {{}}, .numbers = {{}}, .obsm = {{}}};
    for (std::int64_t cell = first + mine.begin; cell < first + mine.end; ++cell) {
        add_row(counts, cell);
        rows.codes[0].push_back(static_cast<std::int32_t>(cell % 3) - 1);
        rows.numbers[0].push_back(static_cast<float>(cell));
        rows.obsm[0].insert(rows.obsm[0].end(), {static_cast<float>(cell), -static_cast<float>(cell)});
        rows.dense.insert(rows.dense.end(), kGenes, 0.5f + static_cast<float>(cell));
    }
    writer.append(rows);
}

void write_atlas(const Communicator& comm, const std::filesystem::path& path, std::int64_t cells,
                 std::int64_t a_round) {
    H5adWriter writer(comm, path, small_header(), cells);
    for (std::int64_t done = 0; done < cells; done += a_round)
        append_round(comm, writer, done, std::min(a_round, cells - done));
    writer.finish();
}

void check_atlas(const std::filesystem::path& path, std::int64_t cells) {
    const Hdf5File file = Hdf5File::open(path);
    CountMatrix expected;
    for (std::int64_t cell = 0; cell < cells; ++cell) add_row(expected, cell);
    EXPECT_EQ(file.read<std::int64_t>("X/indptr"), expected.row_offsets);
    EXPECT_EQ(file.read<std::int32_t>("X/indices"), expected.gene_indices);
    EXPECT_EQ(file.read<float>("X/data"), expected.values);
    const auto codes = file.read<std::int32_t>("obs/type/codes");
    const auto latents = file.read<float>("obsm/X_latent");
    const auto rates = file.read<float>("layers/rates");
    const auto names = file.read_strings("obs/_index");
    for (std::int64_t cell = 0; cell < cells; ++cell) {
        const auto i = static_cast<std::size_t>(cell);
        EXPECT_EQ(codes[i], cell % 3 - 1);
        EXPECT_EQ(latents[2 * i + 1], -static_cast<float>(cell));
        EXPECT_EQ(rates[i * kGenes + 6], 0.5f + static_cast<float>(cell));
        EXPECT_EQ(names[i], numbered("cell_", cell));
    }
}

}  // namespace

TEST(H5adWriter, SameContentForAnyRanksAndRounds) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    for (const std::int64_t cells : {1, 2, 29})
        for (const std::int64_t a_round : {1, 3, 100}) {
            const auto path = folder / (std::to_string(cells) + "_" + std::to_string(a_round) + ".h5ad");
            write_atlas(comm, path, cells, a_round);
            check_atlas(path, cells);
            EXPECT_FALSE(std::filesystem::exists(partial_path(path)));
        }
}

TEST(H5adWriter, ReaderGetsBackWhatWasWritten) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    const std::int64_t cells = 29;
    write_atlas(comm, folder / "a.h5ad", cells, 10);
    InputOptions options;
    options.path = folder / "a.h5ad";
    options.label_key = "type";
    options.split_key = "depth";
    Log log = Log::silent();
    const AtlasShard shard = read_atlas(comm, options, log);
    const BlockRange mine = block_of_rank(cells, comm.size(), comm.rank());
    CountMatrix expected;
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) add_row(expected, cell);
    EXPECT_EQ(shard.num_cells, cells);
    EXPECT_EQ(shard.first_cell, mine.begin);
    const CountMatrix counts = shard.counts.rows(0, shard.counts.num_rows());
    EXPECT_EQ(counts.row_offsets, expected.row_offsets);
    EXPECT_EQ(counts.gene_indices, expected.gene_indices);
    EXPECT_EQ(counts.values, expected.values);
    EXPECT_EQ(shard.label_names,
              (std::vector<std::string>{"a", "b"}));  // sorted, not in the order of the file
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) {
        const auto i = static_cast<std::size_t>(cell - mine.begin);
        EXPECT_EQ(shard.labels[i], (std::vector<std::int32_t>{-1, 1, 0})[static_cast<std::size_t>(cell % 3)]);
        EXPECT_EQ(shard.split_values[i], std::to_string(cell) + ".0");
    }
}

TEST(H5adWriter, NothingIsLeftOfAnUnfinishedFile) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    {
        H5adWriter writer(comm, folder / "a.h5ad", small_header(), 10);
        append_round(comm, writer, 0, 5);
    }
    barrier(comm);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    barrier(comm);
    {
        H5adWriter writer(comm, folder / "a.h5ad", small_header(), 10);
        append_round(comm, writer, 0, 5);
        EXPECT_THROW(writer.finish(), InternalError);
    }
}

TEST(H5adWriter, PlacesThatCannotBeWrittenAreRefusedAtOnce) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    for (const auto& path : {folder.path(), folder / "none/a.h5ad", std::filesystem::path("/proc/a.h5ad")})
        EXPECT_THROW(H5adWriter(comm, path, small_header(), 3), InputError) << path;
    H5adHeader header = small_header();
    header.numeric_obs = {"type"};
    EXPECT_THROW(H5adWriter(comm, folder / "a.h5ad", header, 3), InputError);
    barrier(comm);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

/// Whatever part of the file no longer fits, all ranks hear of it, none waits, and nothing is left.
TEST(H5adWriter, FullDisk) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    for (const char* size : {"size=12k", "size=28k", "size=32k", "size=36k", "size=40k", "size=44k"}) {
        int mounted = comm.is_root() ? mount("tmpfs", folder.path().c_str(), "tmpfs", 0, size) : 0;
        broadcast(comm, std::span<int>(&mounted, 1));
        if (mounted != 0) GTEST_SKIP() << "LAPATLAS_SKIPPED: mounting a small file system needs root";
        const std::int64_t cells = 20000;
        bool failed = false;
        try {
            write_atlas(comm, folder / "a.h5ad", cells, 3000);
        } catch (const ResourceError& error) {
            failed = true;
            EXPECT_NE(std::string(error.what()).find("a.h5ad"), std::string::npos);
        }
        barrier(comm);
        EXPECT_TRUE(failed);
        EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
        barrier(comm);
        EXPECT_EQ(comm.is_root() ? umount2(folder.path().c_str(), MNT_DETACH) : 0, 0);
        barrier(comm);
    }
}

}  // namespace lapatlas
