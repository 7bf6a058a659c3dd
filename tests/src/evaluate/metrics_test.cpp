// Every metric against a case by hand and against scikit-learn, SciPy and POT: golden.py prints the numbers
// "golden".
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/label_agreement.hpp"
#include "src/evaluate/mmd.hpp"
#include "src/evaluate/nearest_cells.hpp"
#include "src/evaluate/optimal_transport.hpp"
#include "src/evaluate/separability.hpp"
#include "tests/src/evaluate/formula_arrays.hpp"

using namespace lapatlas;
using lapatlas::testing_support::bell_points;
using lapatlas::testing_support::scattered;

namespace {

Points line(std::initializer_list<double> values) {
    Points points(static_cast<Eigen::Index>(values.size()), 1);
    Eigen::Index row = 0;
    for (const double value : values) points(row++, 0) = value;
    return points;
}

std::vector<double> rounded_column(const Points& points) {
    std::vector<double> values;
    for (Eigen::Index i = 0; i < points.rows(); ++i) values.push_back(std::nearbyint(points(i, 0) * 10) / 10);
    return values;
}

struct Golden {
    Points real = bell_points(60, 5, 1, 0.0);
    Points other = bell_points(60, 5, 2, 0.2);
    Points smaller = bell_points(45, 5, 3, 0.3);
    TwoSamples samples() const {
        std::vector<int> folds(60);
        for (int i = 0; i < 60; ++i) folds[static_cast<std::size_t>(i)] = i % 5;
        return TwoSamples(real, other, folds, folds);
    }
};

TEST(OptimalTransport, ByHand) {
    EXPECT_NEAR(wasserstein2(line({0, 10}), line({13, 1})), std::sqrt((1.0 + 9.0) / 2), 1e-9);
    // Three cells against one: everything goes there.
    EXPECT_NEAR(wasserstein2(line({-1, 0, 4}), line({1})), std::sqrt((4.0 + 1.0 + 9.0) / 3), 1e-9);
    EXPECT_EQ(wasserstein2(line({2, 2}), line({2})), 0);
}

TEST(OptimalTransport, Golden) {
    const Golden golden;
    EXPECT_NEAR(wasserstein2(golden.real, golden.other), 0.9729010130479557, 1e-6);
    EXPECT_NEAR(wasserstein2(golden.real, golden.smaller), 1.2781990830572851, 1e-6);
}

TEST(OptimalTransport, IsOneDimensionalSorting) {
    Points left = bell_points(200, 1, 8, 0), right = bell_points(200, 1, 9, 1);
    const double found = wasserstein2(left, right);
    std::sort(left.data(), left.data() + left.size());
    std::sort(right.data(), right.data() + right.size());
    EXPECT_NEAR(found, (left - right).norm() / std::sqrt(200.0), 1e-9);
}

TEST(Mmd, ByHand) {
    // Two equal pairs of cells one apart: real (0, 1), other (0, 0).
    double expected = 0;
    for (const double s : {0.01, 0.1, 1.0, 10.0, 100.0}) {
        const double k = std::exp(-1 / (2 * s * s));
        expected += (1 + k) / 2 + 1 - 2 * (1 + k) / 2;
    }
    EXPECT_NEAR(mmd2_published(line({0, 1}), line({0, 0})), expected, 1e-12);
    EXPECT_TRUE(std::isnan(mmd2_median(line({3, 3}), line({0, 1}))));
    EXPECT_NEAR(mmd2_median(line({0, 1, 5}), line({5, 0, 1})), 0, 1e-12);
}

TEST(Mmd, Golden) {
    const Golden golden;
    EXPECT_NEAR(mmd2_published(golden.real, golden.smaller), 0.20228852215264892, 1e-6);
    EXPECT_NEAR(mmd2_median(golden.real, golden.smaller), 0.5053069384079213, 1e-6);
}

TEST(Separability, AreaUnderCurveByHand) {
    EXPECT_DOUBLE_EQ(area_under_curve({0.1, 0.2, 0.3, 0.4}, {0, 0, 1, 1}), 1);
    EXPECT_DOUBLE_EQ(area_under_curve({0.1, 0.2, 0.3, 0.4}, {0, 1, 0, 1}), 0.75);
    EXPECT_DOUBLE_EQ(area_under_curve({0.5, 0.5, 0.5, 0.9}, {0, 1, 0, 1}), 0.75);
    EXPECT_TRUE(std::isnan(area_under_curve({0.5, 0.6}, {1, 1})));
}

TEST(Separability, KnnGolden) { EXPECT_NEAR(knn_auc(Golden().samples(), 5), 0.5426388888888889, 1e-9); }

TEST(Separability, ForestGolden) {
    const TwoSamples samples = Golden().samples();
    double sum = 0;
    for (std::uint32_t seed = 0; seed < 10; ++seed) sum += forest_auc(samples, 200, 1000 * seed + 17);
    EXPECT_NEAR(sum / 10, 0.5849444, 0.02);
    EXPECT_EQ(forest_auc(samples, 20, 3), forest_auc(samples, 20, 3));
    EXPECT_NE(forest_auc(samples, 20, 3), forest_auc(samples, 20, 4000));
}

TEST(Separability, ForestSeesAClearDifferenceAndNoOther) {
    std::vector<int> folds(100);
    for (int i = 0; i < 100; ++i) folds[static_cast<std::size_t>(i)] = i % 5;
    const Points real = bell_points(100, 3, 10, 0);
    EXPECT_GT(forest_auc(TwoSamples(real, bell_points(100, 3, 11, 3), folds, folds), 50, 1), 0.99);
    EXPECT_NEAR(forest_auc(TwoSamples(real, bell_points(100, 3, 12, 0), folds, folds), 50, 1), 0.5, 0.15);
}

TEST(Separability, FoldsAreEven) {
    const PlacedRandom random(5, RandomStream::kEvaluate);
    const auto folds = random_folds(23, 5, random, 1, 100);
    std::vector<int> sizes(5, 0);
    for (const int fold : folds) ++sizes[static_cast<std::size_t>(fold)];
    EXPECT_EQ(sizes, (std::vector<int>{5, 5, 5, 4, 4}));
    EXPECT_EQ(folds, random_folds(23, 5, random, 1, 100));
    EXPECT_NE(folds, random_folds(23, 5, random, 2, 100));
}

TEST(NearestCells, OrderedTiesToTheLowerRow) {
    const auto found = nearest_cells(line({5, 1, -1, 3}), line({0}).row(0), 3);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].row, 1);
    EXPECT_EQ(found[1].row, 2);
    EXPECT_EQ(found[2].row, 3);
    EXPECT_EQ(found[2].squared_distance, 9);
    EXPECT_EQ(nearest_cells(line({5, 1}), line({0}).row(0), 9).size(), 2u);
}

TEST(LabelAgreement, VoteByHand) {
    const std::vector<Neighbour> neighbours{{1, 0}, {2, 1}, {3, 2}, {4, 3}};
    EXPECT_EQ(vote_label(neighbours, {7, 8, 8, 9}), 8);
    EXPECT_EQ(vote_label(neighbours, {7, 8, 8, 7}), 7);  // a tie: the nearest voter decides
    EXPECT_EQ(vote_label({}, {}), -1);
}

TEST(LabelAgreement, VotesGolden) {
    const TwoSamples samples = Golden().samples();
    const Points queries = bell_points(45, 5, 3, 0.3);
    int ones = 0;
    for (Eigen::Index i = 0; i < queries.rows(); ++i)
        ones += vote_label(nearest_cells(samples.points, queries.row(i), 15), samples.classes);
    EXPECT_EQ(ones, 35);
}

TEST(LabelAgreement, Golden) {
    std::vector<std::int32_t> truth, predicted;
    for (int i = 0; i < 50; ++i) {
        truth.push_back(static_cast<std::int32_t>(4 * scattered(i, 0, 7)));
        predicted.push_back(static_cast<std::int32_t>(3 * scattered(i, 1, 7)));
    }
    const LabelAgreement agreement = label_agreement(truth, predicted);
    EXPECT_NEAR(agreement.accuracy, 0.3, 1e-12);
    EXPECT_NEAR(agreement.macro_f1, 0.2576354679802956, 1e-9);
    EXPECT_TRUE(std::isnan(label_agreement({}, {}).accuracy));
}

TEST(GeneAgreement, StatisticsByHand) {
    CountMatrix cells;
    cells.num_genes = 3;
    cells.row_offsets = {0, 2, 3, 3, 4};
    cells.gene_indices = {0, 1, 0, 0};
    cells.values = {1, 4, 3, 4};
    const GeneStatistics statistics = gene_statistics(cells);
    EXPECT_EQ(statistics.mean, (std::vector<double>{2, 1, 0}));
    EXPECT_EQ(statistics.variance, (std::vector<double>{2.5, 3, 0}));
    EXPECT_EQ(statistics.zero_fraction, (std::vector<double>{0.25, 0.75, 1}));
    EXPECT_EQ(library_sizes(cells), (std::vector<double>{5, 3, 0, 4}));
    const CountMatrix twice = stack_rows(take_rows(cells, {3, 0}), take_rows(cells, {2, 1}));
    EXPECT_EQ(library_sizes(twice), (std::vector<double>{4, 5, 0, 3}));
    EXPECT_EQ(twice.gene_indices, (std::vector<std::int32_t>{0, 0, 1, 0}));
}

TEST(GeneAgreement, Golden) {
    const std::vector<double> x = rounded_column(bell_points(40, 1, 4, 0));
    const std::vector<double> y = rounded_column(bell_points(40, 1, 5, 0) + bell_points(40, 1, 4, 0));
    EXPECT_NEAR(pearson(x, y), 0.7843411042368608, 1e-9);
    EXPECT_NEAR(spearman(x, y), 0.7937378473556629, 1e-9);
    EXPECT_NEAR(kolmogorov_smirnov(x, rounded_column(bell_points(55, 1, 6, 0.1))), 0.19545454545454546, 1e-9);
    std::vector<int> classes(40);
    for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int>(i % 2);
    EXPECT_NEAR(area_under_curve(y, classes), 0.41125, 1e-9);
    EXPECT_TRUE(std::isnan(pearson({1, 1, 1}, {1, 2, 3})));
    EXPECT_DOUBLE_EQ(mean_absolute_difference({1, 2, 3}, {2, 2, 1}), 1);
    EXPECT_EQ(average_ranks({3, 1, 3, 2}), (std::vector<double>{3.5, 1, 3.5, 2}));
}

}  // namespace
