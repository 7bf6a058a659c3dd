#include "src/preprocess/filter.hpp"

#include <gtest/gtest.h>

#include "dist/error.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/normalise.hpp"
#include "tests/src/preprocess/random_counts.hpp"

namespace lapatlas {

namespace {

/// 4 cells, 3 genes: {5 0 1}, {0 0 2}, {1 0 0}, {} ; dealt to the ranks in blocks.
CountMatrix four_cells(const Communicator& comm) {
    const std::vector<std::vector<float>> rows = {{5, 0, 1}, {0, 0, 2}, {1, 0, 0}, {0, 0, 0}};
    const BlockRange range = block_of_rank(4, comm.size(), comm.rank());
    CountMatrix counts;
    counts.num_genes = 3;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        for (std::size_t gene = 0; gene < 3; ++gene) {
            const float value = rows[static_cast<std::size_t>(row)][gene];
            if (value == 0) continue;
            counts.gene_indices.push_back(static_cast<std::int32_t>(gene));
            counts.values.push_back(value);
        }
        counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
    }
    return counts;
}

std::vector<std::uint8_t> my_flags(const Communicator& comm, const std::vector<std::uint8_t>& all) {
    const BlockRange range = block_of_rank(static_cast<std::int64_t>(all.size()), comm.size(), comm.rank());
    return {all.begin() + range.begin, all.begin() + range.end};
}

}  // namespace

TEST(Filter, GenesAreCountedInTrainingCellsOnly) {
    const auto comm = Communicator::world();
    const CountMatrix local = four_cells(comm);
    const GeneFilter all = choose_genes(comm, local, my_flags(comm, {1, 1, 1, 1}), 2);
    EXPECT_EQ(all.cells_expressing, (std::vector<std::int64_t>{2, 0, 2}));
    EXPECT_EQ(all.kept, (std::vector<std::int32_t>{0, 2}));
    EXPECT_EQ(all.num_training_cells, 4);
    const GeneFilter training = choose_genes(comm, local, my_flags(comm, {1, 1, 0, 1}), 2);
    EXPECT_EQ(training.kept, (std::vector<std::int32_t>{2}));
    EXPECT_EQ(training.num_training_cells, 3);
}

TEST(Filter, NoGeneLeftIsTheUsersErrorOnEveryRank) {
    const auto comm = Communicator::world();
    const CountMatrix local = four_cells(comm);
    try {
        choose_genes(comm, local, my_flags(comm, {1, 1, 1, 1}), 3);
        ADD_FAILURE() << "expected an InputError";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("prepare.min_cells"), std::string::npos) << error.what();
    }
    EXPECT_THROW(choose_genes(comm, local, my_flags(comm, {0, 0, 0, 0}), 1), InputError);
}

TEST(Filter, CellsByGenesAndMitochondrialShare) {
    const auto comm = Communicator::world();
    const CountMatrix local = four_cells(comm);
    const std::vector<std::string> names = {"MT-ND1", "CD3D", "LYZ"};
    const CellFilter filter = choose_cells(comm, local, names, 1, 0.9);  // shares 5/6, 0, 1, empty
    EXPECT_EQ(filter.keep, my_flags(comm, {1, 1, 0, 0}));
    EXPECT_EQ(filter.num_kept, 2);
    EXPECT_EQ(filter.num_mitochondrial, 1);
    EXPECT_EQ(filter.num_too_few_genes, 1);
    EXPECT_EQ(choose_cells(comm, local, names, 0, 1.0).num_kept, 4);
    EXPECT_THROW(choose_cells(comm, local, names, 3, 1.0), InputError);
}

TEST(Filter, SelectedGenesAndRowsAreRenumbered) {
    const CountMatrix counts = four_cells(Communicator::self());
    const CountMatrix genes = select_genes(counts, std::vector<std::int32_t>{1, 2});
    EXPECT_EQ(genes.num_genes, 2);
    EXPECT_EQ(genes.row_offsets, (std::vector<std::int64_t>{0, 1, 2, 2, 2}));
    EXPECT_EQ(genes.gene_indices, (std::vector<std::int32_t>{1, 1}));
    EXPECT_EQ(genes.values, (std::vector<float>{1, 2}));
    const auto selected = [&](const std::vector<std::uint8_t>& keep,
                              const std::vector<std::int32_t>& chosen) {
        const PackedCounts packed = select(counts, keep, chosen);
        return packed.rows(0, packed.num_rows());
    };
    const CountMatrix rows = selected({1, 0, 1, 1}, {});
    EXPECT_EQ(rows.row_offsets, (std::vector<std::int64_t>{0, 2, 3, 3}));
    EXPECT_EQ(rows.gene_indices, (std::vector<std::int32_t>{0, 2, 0}));
    EXPECT_EQ(rows.values, (std::vector<float>{5, 1, 1}));
    EXPECT_EQ(selected({}, {1, 2}).gene_indices, genes.gene_indices);
    // Genes in another order: they are renumbered as listed, and ascend in a row again.
    const CountMatrix turned = selected({1, 0, 0, 0}, {2, 0});
    EXPECT_EQ(turned.num_genes, 2);
    EXPECT_EQ(turned.gene_indices, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(turned.values, (std::vector<float>{1, 5}));
}

TEST(Normalise, ScalesToTheTargetAndTakesLogarithms) {
    const CountMatrix normalised = log_normalise(four_cells(Communicator::self()), 12.0);
    ASSERT_EQ(normalised.values.size(), 4u);
    EXPECT_FLOAT_EQ(normalised.values[0], std::log1p(10.0f));  // 5 of 6 counts, scaled by 2
    EXPECT_FLOAT_EQ(normalised.values[1], std::log1p(2.0f));
    EXPECT_FLOAT_EQ(normalised.values[2], std::log1p(12.0f));
    EXPECT_FLOAT_EQ(normalised.values[3], std::log1p(12.0f));
    EXPECT_EQ(normalised.row_offsets, (std::vector<std::int64_t>{0, 2, 3, 4, 4}));
}

TEST(Normalise, IsTheSameMadeRowByRow) {
    const CountMatrix counts = random_counts({0, 40}, 60);
    const PackedCounts packed(counts);
    const CountMatrix whole = log_normalise(counts, 1e4);
    const std::vector<std::int32_t> chosen = {3, 17, 18, 59};
    const CountMatrix some = select_genes(whole, chosen);
    RowBuffer buffer;
    for (std::int64_t r = 0; r < counts.num_rows(); ++r)
        for (const CountMatrix* expected : {&whole, &some}) {
            const bool all = expected == &whole;
            const SparseCounts row =
                LogCounts(packed, 1e4, all ? std::span<const std::int32_t>() : chosen).row(r, buffer);
            const SparseCounts wanted = row_of(*expected, r);
            EXPECT_EQ(std::vector<float>(row.values, row.values + row.size),
                      std::vector<float>(wanted.values, wanted.values + wanted.size));
            EXPECT_EQ(std::vector<std::int32_t>(row.genes, row.genes + row.size),
                      std::vector<std::int32_t>(wanted.genes, wanted.genes + wanted.size));
        }
    EXPECT_FLOAT_EQ(LogCounts(packed, 0).row(0, buffer).values[0], std::log1p(counts.values[0]));
}

TEST(Normalise, UndoneGivesEveryCellTheTarget) {
    const CountMatrix normalised = log_normalise(random_counts({0, 40}, 60), 1e4);
    for (std::size_t row = 0; row < 40; ++row) {
        double total = 0;
        for (auto i = normalised.row_offsets[row]; i < normalised.row_offsets[row + 1]; ++i)
            total += std::expm1(static_cast<double>(normalised.values[static_cast<std::size_t>(i)]));
        EXPECT_NEAR(total, 1e4, 0.05) << "row " << row;
    }
}

}  // namespace lapatlas
