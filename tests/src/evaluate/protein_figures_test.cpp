#include "src/evaluate/protein_figures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/simulate/simulator.hpp"

namespace lapatlas {

namespace {

struct OwnedCells {
    CountMatrix counts;
    std::vector<float> proteins;
    operator ProteinCells() const { return {counts, proteins}; }
};

OwnedCells simulated(std::uint64_t seed, std::int64_t first, std::int64_t cells, double missing = 0) {
    SimulateOptions options;
    options.genes = 80;
    options.types = 5;
    options.proteins = 8;
    options.protein_missing_fraction = missing;
    const SimulatedBlock block = simulate_block(options, seed, first, cells);
    return {block.counts, block.proteins};
}

}  // namespace

TEST(ProteinFigures, TheDistanceIsThatBetweenTheDistributions) {
    EXPECT_DOUBLE_EQ(wasserstein_1({1, 2, 3}, {3, 1, 2}), 0);
    EXPECT_DOUBLE_EQ(wasserstein_1({0, 0}, {3}), 3);
    // A half moves by 1, a half by 3.
    EXPECT_DOUBLE_EQ(wasserstein_1({0, 1}, {1, 4}), 2);
    EXPECT_DOUBLE_EQ(wasserstein_1({0, 0, 0, 4}, {0, 4}), 1);
}

TEST(ProteinFigures, CellsOfOneKindAgreeAndThoseWithoutProteinsDoNotCount) {
    const OwnedCells real = simulated(1, 0, 2000), more = simulated(1, 5000, 2000),
                     some = simulated(1, 0, 2000, 0.3);
    const ProteinFigures same = compare_proteins(real, real, 1e4), like = compare_proteins(real, more, 1e4);
    EXPECT_DOUBLE_EQ(same.mean_pcc, 1);
    EXPECT_NEAR(same.protein_protein_pcc, 1, 1e-12);
    EXPECT_NEAR(same.protein_gene_pcc, 1, 1e-12);
    for (const double distance : same.wasserstein) EXPECT_EQ(distance, 0);
    EXPECT_GT(like.mean_pcc, 0.99);
    EXPECT_GT(like.protein_protein_pcc, 0.98);
    EXPECT_GT(like.protein_gene_pcc, 0.95);
    for (const double distance : like.wasserstein) EXPECT_LT(distance, 0.12);
    EXPECT_GT(compare_proteins(real, some, 1e4).protein_gene_pcc, 0.95);
}

TEST(ProteinFigures, ModalitiesThatDoNotBelongTogetherAreFound) {
    const OwnedCells real = simulated(1, 0, 2000);
    // The proteins of other cells: each modality by itself is as it was.
    OwnedCells torn = real;
    std::rotate(torn.proteins.begin(), torn.proteins.begin() + 8 * 777, torn.proteins.end());
    const ProteinFigures figures = compare_proteins(real, torn, 1e4);
    EXPECT_NEAR(figures.mean_pcc, 1, 1e-12);
    EXPECT_NEAR(figures.protein_protein_pcc, 1, 1e-12);
    EXPECT_LT(figures.protein_gene_pcc, 0.3);
    const OwnedCells others = simulated(2, 0, 2000);
    EXPECT_LT(compare_proteins(real, others, 1e4).protein_protein_pcc, 0.7);
}

TEST(ProteinFigures, WithoutCellsThereAreNone) {
    const OwnedCells real = simulated(1, 0, 50), none = simulated(1, 0, 50, 1);
    const ProteinFigures figures = compare_proteins(real, none, 1e4);
    EXPECT_TRUE(std::isnan(figures.mean_pcc));
    ASSERT_EQ(figures.wasserstein.size(), 8U);
    EXPECT_TRUE(std::isnan(figures.wasserstein[0]));
}

}  // namespace lapatlas
