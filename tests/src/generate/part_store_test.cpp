#include "src/generate/part_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "dist/collectives.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

GeneratedBlock block(std::int64_t first, std::int64_t cells) {
    GeneratedBlock made;
    made.first_cell = first;
    made.counts.num_genes = 5;
    for (std::int64_t cell = first; cell < first + cells; ++cell) {
        const std::int32_t genes[] = {1, 4};
        const float values[] = {static_cast<float>(cell + 1), 300'000};
        append_row(made.counts, {genes, values, 2});
        made.labels.push_back(static_cast<std::int32_t>(cell % 3) - 1);
        made.batches.push_back(-1);
        made.library.push_back(static_cast<float>(cell) * 0.5f);
        made.manifold_distance.push_back(1);
    }
    return made;
}

void expect_same(const GeneratedBlock& a, const GeneratedBlock& b) {
    EXPECT_EQ(a.first_cell, b.first_cell);
    EXPECT_EQ(a.counts.num_genes, b.counts.num_genes);
    EXPECT_EQ(a.counts.row_offsets, b.counts.row_offsets);
    EXPECT_EQ(a.counts.gene_indices, b.counts.gene_indices);
    EXPECT_EQ(a.counts.values, b.counts.values);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.batches, b.batches);
    EXPECT_EQ(a.library, b.library);
    EXPECT_EQ(a.latents, b.latents);
    EXPECT_EQ(a.manifold_distance, b.manifold_distance);
}

}  // namespace

TEST(PartStore, KeepsPartsOfItsOwnMakerAlone) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    const auto output = folder / "atlas.h5ad";
    const std::int64_t parts = 2 * comm.size() + 1;
    {
        const PartStore store(comm, output, "me");
        EXPECT_EQ(static_cast<std::int64_t>(store.missing(parts).size()), parts);
        store.write(comm.rank(), block(10 * comm.rank(), 10));
        barrier(comm);
    }
    const PartStore again(comm, output, "me");
    const std::vector<std::int64_t> missing = again.missing(parts);
    EXPECT_EQ(static_cast<std::int64_t>(missing.size()), parts - comm.size());
    EXPECT_EQ(missing.front(), comm.size());
    const int other = (comm.rank() + 1) % comm.size();
    expect_same(again.read(other), block(10 * other, 10));

    // A part that was damaged is made again, and so are those of another generation.
    const auto part = folder.path() / "atlas.h5ad.parts" / "part-000000000.h5";
    barrier(comm);
    if (comm.is_root()) std::filesystem::resize_file(part, std::filesystem::file_size(part) - 9);
    barrier(comm);
    EXPECT_EQ(PartStore(comm, output, "me").missing(parts).front(), 0);
    EXPECT_EQ(static_cast<std::int64_t>(PartStore(comm, output, "you").missing(parts).size()), parts);

    again.remove();
    EXPECT_FALSE(std::filesystem::exists(part.parent_path()));
}

TEST(PartStore, LeavesAloneWhatIsNotItsOwn) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    const PartStore store(comm, folder / "atlas.h5ad", "me");
    const auto note = folder.path() / "atlas.h5ad.parts" / "notes.txt";
    std::ofstream(note) << "mine";
    store.remove();
    EXPECT_TRUE(std::filesystem::exists(note));
}

TEST(PartStore, CellsFollowOneAnother) {
    GeneratedBlock joined;
    joined.counts.num_genes = 5;
    append_cells(joined, block(0, 3));
    append_cells(joined, block(3, 4));
    expect_same(joined, block(0, 7));
}

}  // namespace lapatlas
