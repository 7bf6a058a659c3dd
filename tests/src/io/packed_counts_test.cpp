#include "src/io/packed_counts.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/preprocess/redistribute.hpp"
#include "tests/src/preprocess/random_counts.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {
namespace {

/// Counts of one byte and more, up to the largest that a float holds exactly.
CountMatrix with_large_counts(BlockRange rows, std::int64_t num_genes) {
    CountMatrix counts = random_counts(rows, num_genes);
    for (std::int64_t r = 0; r < counts.num_rows(); ++r) {
        const std::int64_t first = counts.row_offsets[static_cast<std::size_t>(r)],
                           size = row_of(counts, r).size;
        if ((rows.begin + r) % 3 != 0 || size < 3) continue;
        counts.values[static_cast<std::size_t>(first)] = 255;
        counts.values[static_cast<std::size_t>(first + 1)] = 254;
        counts.values[static_cast<std::size_t>(first + size - 1)] = 16777216.0f - static_cast<float>(r);
    }
    return counts;
}

void expect_equal(const CountMatrix& a, const CountMatrix& b) {
    EXPECT_EQ(a.num_genes, b.num_genes);
    EXPECT_EQ(a.row_offsets, b.row_offsets);
    EXPECT_EQ(a.gene_indices, b.gene_indices);
    EXPECT_EQ(a.values, b.values);
}

TEST(PackedCounts, HoldWhatWasPacked) {
    const CountMatrix counts = with_large_counts({0, 50}, 40);
    const PackedCounts packed(counts);
    EXPECT_EQ(packed.num_nonzeros(), counts.num_nonzeros());
    expect_equal(packed.rows(0, 50), counts);
    // Rows in any order, by the same buffer.
    RowBuffer buffer;
    for (const std::int64_t r : {49, 0, 3, 3, 2}) {
        const SparseCounts row = packed.row(r, buffer), expected = row_of(counts, r);
        EXPECT_EQ(std::vector<float>(row.values, row.values + row.size),
                  std::vector<float>(expected.values, expected.values + expected.size));
    }
    EXPECT_EQ(packed.rows(6, 4).values, std::vector<float>(counts.values.begin() + counts.row_offsets[6],
                                                           counts.values.begin() + counts.row_offsets[10]));
}

/// Entries written to a file at an odd place, with 16 and with 32 bits a gene.
TEST(PackedCounts, ReadRowsThatStayInFiles) {
    const testing_support::TemporaryFolder folder{Communicator::world()};
    for (const std::int64_t genes : {40, 70'000}) {
        CountMatrix counts = with_large_counts({0, 50}, 40);
        counts.num_genes = genes;
        const PackedCounts packed(counts);
        const PackedCounts::Arrays& arrays = packed.arrays();
        const std::filesystem::path path =
            folder / ("entries" + std::to_string(genes) + "." + std::to_string(Communicator::world().rank()));
        const std::int64_t gene_bytes = genes == 40 ? 2 : 4, entries = packed.num_nonzeros();
        {
            std::ofstream file(path, std::ios::binary);
            file.put('?');
            const char* from = genes == 40 ? reinterpret_cast<const char*>(arrays.genes16.data())
                                           : reinterpret_cast<const char*>(arrays.genes32.data());
            file.write(from, entries * gene_bytes);
            file.write(reinterpret_cast<const char*>(arrays.counts.data()), entries);
        }
        // In two pieces, as of two stretches of a file.
        const std::int64_t first = arrays.row_offsets[20];
        std::vector<PackedCounts::InFile> pieces;
        for (const BlockRange part : {BlockRange{0, first}, BlockRange{first, entries}})
            pieces.push_back({part.size(),
                              std::make_shared<const MappedFile>(path, 1 + part.begin * gene_bytes,
                                                                 part.size() * gene_bytes),
                              std::make_shared<const MappedFile>(path, 1 + entries * gene_bytes + part.begin,
                                                                 part.size())});
        PackedCounts::Arrays rest;
        rest.row_offsets = arrays.row_offsets;
        rest.large_entries = arrays.large_entries;
        rest.large_values = arrays.large_values;
        PackedCounts in_file(genes, rest, pieces);
        in_file.prefetch(3, 50);
        expect_equal(in_file.rows(0, 50), counts);
        in_file.release(0, 50);
        expect_equal(in_file.rows(6, 30), packed.rows(6, 30));
        // Rows in memory may follow those in files, and others in files after them may not.
        in_file.append(packed);
        expect_equal(in_file.rows(50, 50), counts);
        expect_equal(in_file.rows(0, 50), counts);
        EXPECT_THROW(in_file.append(PackedCounts(genes, rest, pieces)), InternalError);
        EXPECT_THROW(MappedFile(path, 0, entries * (gene_bytes + 1) + 2), InputError);
    }
    EXPECT_THROW(MappedFile(folder / "none", 0, 1), InputError);
}

TEST(PackedCounts, TakeAnyNumberOfGenes) {
    for (const std::int64_t genes : {65'536, 65'537, 1'000'000}) {
        CountMatrix counts;
        counts.num_genes = genes;
        counts.row_offsets = {0, 2, 2, 3};
        counts.gene_indices = {0, static_cast<std::int32_t>(genes - 1), 7};
        counts.values = {1, 300, 2};
        const PackedCounts packed(counts);
        EXPECT_EQ(packed.has_short_genes(), genes == 65'536);
        expect_equal(packed.rows(0, 3), counts);
    }
}

TEST(PackedCounts, AreAppended) {
    PackedCounts all(with_large_counts({0, 7}, 30));
    all.append(PackedCounts(with_large_counts({7, 21}, 30)));
    EXPECT_EQ(all.num_rows(), 21);
    const CountMatrix first = with_large_counts({0, 7}, 30), second = with_large_counts({7, 21}, 30);
    expect_equal(all.rows(0, 7), first);
    EXPECT_EQ(all.rows(7, 14).values, second.values);
}

TEST(PackedCounts, AreDealtToTheirNewRows) {
    const auto comm = Communicator::world();
    for (const std::int64_t genes : {60, 70'000}) {
        constexpr std::int64_t kRows = 101;
        const auto wide = [&](CountMatrix counts) {
            counts.num_genes = genes;
            return counts;
        };
        const PackedCounts mine(wide(with_large_counts(block_of_rank(kRows, comm.size(), comm.rank()), 60)));
        // Row r becomes row 7 r modulo 101.
        const BlockRange block = block_of_rank(kRows, comm.size(), comm.rank());
        std::vector<std::int64_t> new_rows;
        for (std::int64_t r = block.begin; r < block.end; ++r) new_rows.push_back(7 * r % kRows);
        const PackedCounts dealt = deal_rows(comm, mine, new_rows, kRows);
        ASSERT_EQ(dealt.num_rows(), block.size());
        RowBuffer buffer;
        for (std::int64_t row = 0; row < dealt.num_rows(); ++row) {
            std::int64_t old = 0;
            while (7 * old % kRows != block.begin + row) ++old;
            // What a row holds depends on the rank that made it by its large counts alone: made by the same
            // ranks again.
            int owner = rank_of_row(kRows, comm.size(), old);
            const BlockRange theirs = block_of_rank(kRows, comm.size(), owner);
            const CountMatrix made = with_large_counts(theirs, 60);
            const SparseCounts expected = row_of(made, old - theirs.begin), found = dealt.row(row, buffer);
            EXPECT_EQ(std::vector<std::int32_t>(found.genes, found.genes + found.size),
                      std::vector<std::int32_t>(expected.genes, expected.genes + expected.size));
            EXPECT_EQ(std::vector<float>(found.values, found.values + found.size),
                      std::vector<float>(expected.values, expected.values + expected.size));
        }
    }
}

}  // namespace
}  // namespace lapatlas
