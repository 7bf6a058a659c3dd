#include "src/evaluate/marginal_sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "dist/error.hpp"
#include "tests/src/evaluate/synthetic_cells.hpp"

using namespace lapatlas;
using namespace lapatlas::testing_support;

namespace {

/// Gene 0 is 5 in one cell of four of type 0; genes 1 and 2 are 1 and 2 together in half of them.
CountMatrix four_cells_and_one() {
    CountMatrix cells;
    cells.num_genes = 3;
    cells.row_offsets = {0, 1, 3, 5, 5, 6};
    cells.gene_indices = {0, 1, 2, 1, 2, 0};
    cells.values = {5, 1, 2, 1, 2, 9};
    return cells;
}
const std::vector<std::int32_t> kLabels{0, 0, 0, 0, 1};

TEST(MarginalSampler, KeepsEachGeneAndBreaksTheirBond) {
    constexpr int kCells = 20000;
    const CountMatrix drawn =
        sample_marginals(four_cells_and_one(), kLabels, std::vector<std::int32_t>(kCells, 0), 3);
    ASSERT_EQ(drawn.num_rows(), kCells);
    double five = 0, one = 0, both = 0;
    for (std::size_t row = 0; row < kCells; ++row) {
        bool has_one = false, has_two = false;
        for (std::int64_t i = drawn.row_offsets[row]; i < drawn.row_offsets[row + 1]; ++i) {
            const float value = drawn.values[static_cast<std::size_t>(i)];
            const std::int32_t gene = drawn.gene_indices[static_cast<std::size_t>(i)];
            EXPECT_EQ(value, gene == 0 ? 5 : gene);
            five += gene == 0;
            has_one |= gene == 1;
            has_two |= gene == 2;
        }
        one += has_one;
        both += has_one && has_two;
    }
    // Within five standard errors of 1/4, 1/2 and 1/4.
    EXPECT_NEAR(five / kCells, 0.25, 5 * std::sqrt(0.25 * 0.75 / kCells));
    EXPECT_NEAR(one / kCells, 0.5, 5 * std::sqrt(0.25 / kCells));
    EXPECT_NEAR(both / kCells, 0.25, 5 * std::sqrt(0.25 * 0.75 / kCells));
}

TEST(MarginalSampler, TypesDoNotMixAndAnySplitGivesTheSameCells) {
    const std::vector<std::int32_t> labels{1, 0, -1, 1, 0};
    const CountMatrix whole = sample_marginals(four_cells_and_one(), kLabels, labels, 11);
    EXPECT_EQ(whole.row_offsets[1], 1);
    EXPECT_EQ(whole.values[0], 9);
    CountMatrix tail = sample_marginals(four_cells_and_one(), kLabels, {-1, 1, 0}, 11, 2);
    const std::int64_t first = whole.row_offsets[2];
    EXPECT_EQ(tail.values, std::vector<float>(whole.values.begin() + first, whole.values.end()));
    EXPECT_THROW(sample_marginals(four_cells_and_one(), kLabels, {2}, 11), InputError);
}

}  // namespace
