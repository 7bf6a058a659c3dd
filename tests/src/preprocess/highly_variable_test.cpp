#include "src/preprocess/highly_variable.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "dist/error.hpp"
#include "src/preprocess/loess.hpp"
#include "tests/src/preprocess/highly_variable_golden.hpp"
#include "tests/src/preprocess/random_counts.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 180, kGenes = 240;

std::int64_t made_up_count(std::int64_t r, std::int64_t g) {
    const std::int64_t hash = (r * 7919 + g * 104729 + r * g * 31 + (r * r % 97) * g) % 1009;
    const double level = static_cast<double>(1 + g * 37 % 240);
    const double boost = g % 7 == 0 && r % 5 == g % 5 ? 6 : 1;
    return static_cast<std::int64_t>(std::pow(static_cast<double>(hash) / 1009.0, 4) * level * boost / 8);
}

CountMatrix made_up_counts(const Communicator& comm) {
    const BlockRange range = block_of_rank(kCells, comm.size(), comm.rank());
    CountMatrix counts;
    counts.num_genes = kGenes;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        for (std::int64_t gene = 0; gene < kGenes; ++gene) {
            const std::int64_t count = made_up_count(row, gene);
            if (count == 0) continue;
            counts.gene_indices.push_back(static_cast<std::int32_t>(gene));
            counts.values.push_back(static_cast<float>(count));
        }
        counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
    }
    return counts;
}

HighlyVariableGenes choose_of_all(const Communicator& comm, const CountMatrix& local, std::int64_t count) {
    const std::vector<std::uint8_t> training(static_cast<std::size_t>(local.num_rows()), 1);
    return choose_highly_variable(comm, local, training, count);
}

}  // namespace

TEST(HighlyVariable, AgreesWithScanpy) {
    const auto comm = Communicator::world();
    const HighlyVariableGenes genes = choose_of_all(comm, made_up_counts(comm), 60);
    std::vector<std::int32_t> scanpy(kGenes);
    std::iota(scanpy.begin(), scanpy.end(), 0);
    std::stable_sort(scanpy.begin(), scanpy.end(), [](std::int32_t a, std::int32_t b) {
        return kScanpyNormalisedVariances[a] > kScanpyNormalisedVariances[b];
    });
    scanpy.resize(60);
    std::sort(scanpy.begin(), scanpy.end());
    std::vector<std::int32_t> common;
    std::set_intersection(scanpy.begin(), scanpy.end(), genes.chosen.begin(), genes.chosen.end(),
                          std::back_inserter(common));
    EXPECT_EQ(genes.chosen.size(), 60u);
    // scikit-misc interpolates its regression; we evaluate it.
    EXPECT_GE(common.size(), 57u);
    double worst = 0;
    for (std::size_t gene = 0; gene < kGenes; ++gene)
        worst = std::max(worst, std::abs(genes.normalised_variance[gene] - kScanpyNormalisedVariances[gene]) /
                                    (kScanpyNormalisedVariances[gene] + 0.1));
    EXPECT_LT(worst, 0.1);
}

TEST(HighlyVariable, IsTheSameBitForBitOnAnyRanks) {
    const auto comm = Communicator::world();
    const HighlyVariableGenes distributed = choose_of_all(comm, made_up_counts(comm), 30);
    const HighlyVariableGenes alone =
        choose_of_all(Communicator::self(), made_up_counts(Communicator::self()), 30);
    EXPECT_EQ(distributed.chosen, alone.chosen);
    EXPECT_EQ(distributed.normalised_variance, alone.normalised_variance);
}

TEST(HighlyVariable, TestCellsAreNotLookedAt) {
    const auto comm = Communicator::world();
    CountMatrix local = made_up_counts(comm);
    std::vector<std::uint8_t> training(static_cast<std::size_t>(local.num_rows()));
    for (std::size_t row = 0; row < training.size(); ++row) training[row] = row % 3 != 0;
    const HighlyVariableGenes before = choose_highly_variable(comm, local, training, 30);
    for (std::size_t row = 0; row < training.size(); row += 3)
        for (auto i = local.row_offsets[row]; i < local.row_offsets[row + 1]; ++i)
            local.values[static_cast<std::size_t>(i)] *= 50;
    EXPECT_EQ(choose_highly_variable(comm, local, training, 30).normalised_variance,
              before.normalised_variance);
}

TEST(HighlyVariable, FewGenesConstantGenesAndNothingToRank) {
    const auto comm = Communicator::world();
    const CountMatrix local = made_up_counts(comm);
    EXPECT_EQ(choose_of_all(comm, local, 1000).chosen.size(), static_cast<std::size_t>(kGenes));

    CountMatrix same;  // every cell: {2, 0}
    same.num_genes = 2;
    const BlockRange range = block_of_rank(3, comm.size(), comm.rank());
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        same.gene_indices.push_back(0);
        same.values.push_back(2);
        same.row_offsets.push_back(static_cast<std::int64_t>(same.values.size()));
    }
    EXPECT_THROW(choose_of_all(comm, same, 1), InputError);
    if (range.contains(0)) same.values[0] = 5;  // now gene 0 varies, alone
    const HighlyVariableGenes genes = choose_of_all(comm, same, 1);
    EXPECT_EQ(genes.chosen, (std::vector<std::int32_t>{0}));
    EXPECT_NEAR(genes.normalised_variance[0], 1.0, 1e-9);  // the fit goes through the only gene
    EXPECT_EQ(genes.normalised_variance[1], 0.0);
}

TEST(Loess, ReproducesAParabolaAndWeighsByDistance) {
    std::vector<double> x, y;
    for (int i = 0; i < 50; ++i) {
        x.push_back(0.1 * i * (1 + 0.01 * i));
        y.push_back(2 - 3 * x.back() + 0.5 * x.back() * x.back());
    }
    const std::vector<double> fitted = loess(x, y, 0.3, 0, 50);
    for (std::size_t i = 0; i < 50; ++i) EXPECT_NEAR(fitted[i], y[i], 1e-8);
    const std::vector<double> part = loess(x, y, 0.3, 20, 30);
    EXPECT_EQ(part, std::vector<double>(fitted.begin() + 20, fitted.begin() + 30));
    // Five points, all in the window, the outermost with weight zero: 1 - (1/2)^3 = 7/8 cubed at distance 1.
    // By symmetry the value at 0 is the intercept of c + b t^2 through (1, y0), (w, y1 at t = 1/2):
    // both are met exactly, so the fit is y0 whatever the ends are.
    const std::vector<double> five_x = {-2, -1, 0, 1, 2}, five_y = {100, 3, 1, 3, -40};
    EXPECT_NEAR(loess(five_x, five_y, 1.0, 2, 3)[0], 1.0, 1e-9);
}

}  // namespace lapatlas
