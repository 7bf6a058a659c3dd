#include "src/embed/sparse_kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/embed/masked_input.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

const PlacedRandom kRandom(11, RandomStream::kSimulate);

float normal(std::int64_t item, std::uint32_t step) {
    return static_cast<float>(kRandom.normals(static_cast<std::uint64_t>(item), step)[0]);
}

/// Each entry is there with probability `density`; every seventh row is empty.
SparseInput random_input(std::int64_t rows, std::int64_t genes, double density) {
    SparseInput x;
    x.num_rows = rows;
    x.num_genes = genes;
    x.row_offsets.push_back(0);
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t g = 0; g < genes; ++g) {
            const std::int64_t place = r * genes + g;
            if (r % 7 == 3 || kRandom.uniform(static_cast<std::uint64_t>(place), 1) >= density) continue;
            x.gene_indices.push_back(static_cast<std::int32_t>(g));
            x.values.push_back(normal(place, 2));
        }
        x.row_offsets.push_back(static_cast<std::int64_t>(x.values.size()));
    }
    order_by_gene(x);
    return x;
}

std::vector<float> random_dense(std::int64_t rows, std::int64_t width) {
    std::vector<float> dense;
    for (std::int64_t i = 0; i < rows * width; ++i) dense.push_back(normal(i, 3));
    return dense;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(found[i], expected[i], 1e-4 * (1 + std::abs(expected[i]))) << "element " << i;
}

/// X W and X^T Y against sums entry by entry in double.
void check_products(const SparseInput& x, std::int64_t width) {
    const std::vector<float> w = random_dense(x.num_genes, width), y = random_dense(x.num_rows, width);
    std::vector<double> xw(static_cast<std::size_t>(x.num_rows * width)),
        xty(static_cast<std::size_t>(x.num_genes * width));
    for (std::int64_t r = 0; r < x.num_rows; ++r)
        for (auto e = static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(r)]);
             e < static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(r) + 1]); ++e)
            for (std::int64_t j = 0; j < width; ++j) {
                const std::int64_t g = x.gene_indices[e];
                const double value = x.values[e];
                xw[static_cast<std::size_t>(r * width + j)] +=
                    value * w[static_cast<std::size_t>(g * width + j)];
                xty[static_cast<std::size_t>(g * width + j)] +=
                    value * y[static_cast<std::size_t>(r * width + j)];
            }
    // Whatever the memory held before must not show.
    std::vector<float> found(xw.size(), std::nanf(""));
    sparse_times_dense(x, w.data(), width, found.data());
    expect_near(found, xw);
    found.assign(xty.size(), std::nanf(""));
    transposed_sparse_times_dense(x, y.data(), width, found.data());
    expect_near(found, xty);
}

}  // namespace

TEST(SparseKernels, ProductsOfOneTileAtWidthsWithAndWithoutRemainder) {
    const SparseInput x = random_input(40, 90, 0.2);
    for (const std::int64_t width : {1, 16, 37, 128, 211}) check_products(x, width);
}

TEST(SparseKernels, ProductsOfSeveralTiles) {
    // Dense enough to be cut into tiles of about 1,024 genes, and of rows the other way round.
    check_products(random_input(600, 3100, 0.05), 21);
    check_products(random_input(2600, 40, 0.3), 19);
    // Few entries a row: one tile whatever the size.
    check_products(random_input(30, 5000, 0.002), 5);
}

TEST(SparseKernels, NoRowsAndNoEntries) {
    check_products(random_input(0, 12, 0.5), 3);
    check_products(random_input(5, 12, 0), 3);
}

TEST(MaskedInput, MaskHidesEntriesByTheirPlaceAndScalesTheOthers) {
    const SparseInput all = random_input(3, 500, 0.4);
    const CountMatrix matrix{all.num_genes, all.row_offsets, all.gene_indices, all.values};
    const std::vector<std::int64_t> ids{70, 5, std::int64_t{1} << 40};
    const std::vector<std::int32_t> rows{2, 0};

    const SparseInput unmasked = masked_input(MatrixRows(matrix), rows, ids, {});
    EXPECT_EQ(unmasked.row_offsets.back(), row_of(matrix, 2).size + row_of(matrix, 0).size);

    const double fraction = 0.3;
    const SparseInput masked = masked_input(MatrixRows(matrix), rows, ids, {fraction, 9, 4});
    const PlacedRandom mask(9, RandomStream::kMask);
    std::size_t at = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const SparseCounts cell = row_of(matrix, rows[i]);
        for (std::int64_t e = 0; e < cell.size; ++e) {
            const auto gene = static_cast<std::uint32_t>(cell.genes[e]);
            const auto id = static_cast<std::uint64_t>(ids[static_cast<std::size_t>(rows[i])]);
            if (mask.words(id, 4, gene / 4)[gene % 4] < fraction * 4294967295.0) continue;
            ASSERT_LT(at, masked.values.size());
            EXPECT_EQ(masked.gene_indices[at], cell.genes[e]);
            EXPECT_FLOAT_EQ(masked.values[at], cell.values[e] / 0.7f);
            ++at;
        }
        EXPECT_EQ(masked.row_offsets[i + 1], static_cast<std::int64_t>(at));
    }
    EXPECT_EQ(at, masked.values.size());
    EXPECT_NEAR(static_cast<double>(at) / static_cast<double>(unmasked.values.size()), 0.7, 0.1);
}

}  // namespace lapatlas
