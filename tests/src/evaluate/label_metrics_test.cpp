// Metrics of labels, neighbourhoods and markers against cases by hand and against scikit-learn, scib-metrics,
// prdc and scanpy: golden.py prints the numbers "golden".
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>

#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/label_classifier.hpp"
#include "src/evaluate/manifold_overlap.hpp"
#include "src/evaluate/marker_genes.hpp"
#include "src/evaluate/neighbour_mixing.hpp"
#include "tests/src/evaluate/formula_arrays.hpp"

using namespace lapatlas;
using lapatlas::testing_support::bell_points;
using lapatlas::testing_support::scattered;

namespace {

std::vector<std::int32_t> scattered_labels(int cells, int labels, double column, double salt) {
    std::vector<std::int32_t> result;
    for (int i = 0; i < cells; ++i)
        result.push_back(static_cast<std::int32_t>(labels * scattered(i, column, salt)));
    return result;
}

struct Mixed {
    Points points = stack(bell_points(60, 5, 1, 0.0), bell_points(60, 5, 2, 0.2));
    std::vector<std::int32_t> classes = std::vector<std::int32_t>(120, 0);
    Mixed() { std::fill(classes.begin() + 60, classes.end(), 1); }
};

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

CountMatrix sparse(const Points& dense) {
    CountMatrix matrix;
    matrix.num_genes = dense.cols();
    for (Eigen::Index i = 0; i < dense.rows(); ++i) {
        for (Eigen::Index j = 0; j < dense.cols(); ++j)
            if (dense(i, j) > 0) {
                matrix.gene_indices.push_back(static_cast<std::int32_t>(j));
                matrix.values.push_back(static_cast<float>(dense(i, j)));
            }
        matrix.row_offsets.push_back(static_cast<std::int64_t>(matrix.values.size()));
    }
    return matrix;
}

/// golden.py's `expression` and `groups`.
struct MarkerCells {
    Points expression = bell_points(90, 12, 23, 0.2);
    std::vector<std::int32_t> groups = scattered_labels(90, 3, 0, 24);
    MarkerCells() {
        for (Eigen::Index i = 0; i < 90; ++i)
            for (Eigen::Index j = 0; j < 12; ++j) {
                double& value = expression(i, j);
                value = std::max(0.0, std::nearbyint(value * 10) / 10);
                if (j < 4 && value > 0 && groups[static_cast<std::size_t>(i)] == j) value += 0.5;
            }
    }
};

TEST(ClusterAgreement, ByHand) {
    EXPECT_DOUBLE_EQ(adjusted_rand_index({0, 0, 1, 1}, {5, 5, 3, 3}), 1);
    EXPECT_DOUBLE_EQ(normalised_mutual_information({0, 0, 1, 1}, {5, 5, 3, 3}), 1);
    // Each group holds one label; the second label lies in two groups.
    EXPECT_DOUBLE_EQ(homogeneity({0, 0, 1, 1}, {5, 5, 3, 4}), 1);
    EXPECT_DOUBLE_EQ(homogeneity({0, 0, 1, 1}, {2, 2, 2, 2}), 0);
    EXPECT_NEAR(normalised_mutual_information({0, 0, 1, 1}, {0, 1, 0, 1}), 0, 1e-12);
    EXPECT_DOUBLE_EQ(adjusted_rand_index({0, 0, 1, 1}, {0, 1, 0, 1}), -0.5);
    EXPECT_TRUE(std::isnan(adjusted_rand_index({}, {})));
    // Two directions, two groups, every cell at distance 0 of its own and 1 of the other.
    Points points(4, 2);
    points << 1, 0, 2, 0, 0, 1, 0, 3;
    EXPECT_DOUBLE_EQ(cosine_silhouette(points, {0, 0, 1, 1}), 1);
    EXPECT_TRUE(std::isnan(cosine_silhouette(points, {0, 0, 0, 0})));
}

TEST(ClusterAgreement, Golden) {
    const auto truth = scattered_labels(50, 4, 0, 7), predicted = scattered_labels(50, 3, 1, 7);
    EXPECT_NEAR(adjusted_rand_index(truth, predicted), -0.025763358778625955, 1e-9);
    EXPECT_NEAR(normalised_mutual_information(truth, predicted), 0.022697523634349154, 1e-9);
    EXPECT_NEAR(homogeneity(truth, predicted), 0.020304489116307525, 1e-9);
    EXPECT_NEAR(balanced_accuracy(truth, predicted), 0.31666666666666665, 1e-9);
    const Mixed mixed;
    EXPECT_NEAR(cosine_silhouette(mixed.points, mixed.classes), 0.03785098321494465, 1e-9);
    EXPECT_NEAR(cosine_silhouette(mixed.points.topRows(50), truth), -0.06426320836907395, 1e-9);
}

TEST(NeighbourMixing, ByHand) {
    // Two far groups: each cell sees its own class only.
    Points apart(8, 1);
    apart << 0, 1, 2, 3, 1000, 1001, 1002, 1003;
    for (const double index : local_inverse_simpson(apart, {0, 0, 0, 0, 1, 1, 1, 1}, 1.2))
        EXPECT_NEAR(index, 1, 1e-3);
    // Two cells: each sees the other alone.
    EXPECT_EQ(local_inverse_simpson(apart.topRows(2), {0, 1}), (std::vector<double>{1, 1}));
    EXPECT_TRUE(local_inverse_simpson(apart.topRows(1), {0}).empty());
}

TEST(NeighbourMixing, Golden) {
    const Mixed mixed;
    const auto index = local_inverse_simpson(mixed.points, mixed.classes);
    EXPECT_NEAR(mean(index), 1.8588878, 1e-3);
    EXPECT_NEAR(index[0], 1.9965833, 1e-3);
    EXPECT_NEAR(index[100], 1.9978608, 1e-3);
}

TEST(ManifoldOverlap, ByHandAndGolden) {
    Points real(3, 1), other(2, 1);
    real << 0, 1, 10;
    other << 0.5, 20;
    // Balls to the nearest real cell: of radius 1, 1 and 9.
    const ManifoldOverlap found = manifold_overlap(real, other, 1);
    EXPECT_DOUBLE_EQ(found.coverage, 2.0 / 3);
    EXPECT_DOUBLE_EQ(found.density, 2.0 / 2);
    EXPECT_TRUE(std::isnan(manifold_overlap(real, other, 3).coverage));
    const ManifoldOverlap golden =
        manifold_overlap(bell_points(60, 5, 1, 0.0), bell_points(45, 5, 3, 0.3), 5);
    EXPECT_NEAR(golden.coverage, 0.7833333333333333, 1e-9);
    EXPECT_NEAR(golden.density, 0.768888888888889, 1e-9);
}

TEST(LabelClassifier, Golden) {
    const auto labels = scattered_labels(150, 3, 0, 21);
    Points cells = bell_points(150, 4, 22, 0.0);
    for (Eigen::Index i = 0; i < 150; ++i) {
        cells(i, 0) += 0.5 * labels[static_cast<std::size_t>(i)];
        cells(i, 1) -= 0.5 * labels[static_cast<std::size_t>(i)];
    }
    const LabelClassifier model(cells.topRows(100), {labels.begin(), labels.begin() + 100});
    std::string said;
    for (const std::int32_t label : model.predict(cells.bottomRows(50))) said += std::to_string(label);
    EXPECT_EQ(said, "11210201010220001122002101222202012010102122011021");
}

TEST(LabelClassifier, OneLabelAndSeparableCells) {
    Points cells(4, 2);
    cells << 0, 1, 0, 2, 5, 1, 5, 2;
    EXPECT_EQ(LabelClassifier(cells, {7, 7, 7, 7}).predict(cells), (std::vector<std::int32_t>{7, 7, 7, 7}));
    EXPECT_EQ(LabelClassifier(cells, {3, 3, 9, 9}).predict(cells), (std::vector<std::int32_t>{3, 3, 9, 9}));
    EXPECT_DOUBLE_EQ(balanced_accuracy({0, 0, 0, 1}, {0, 0, 1, 1}), (2.0 / 3 + 1) / 2);
    EXPECT_TRUE(std::isnan(balanced_accuracy({}, {})));
}

TEST(MarkerGenes, Golden) {
    const MarkerCells cells;
    const auto markers = group_markers(sparse(cells.expression), cells.groups, 3);
    const double scores0[] = {3.284881, -0.329378, -0.431753, 1.335318, 1.059352,  -0.111276,
                              1.704755, -1.713657, -1.838287, 0.356085, -1.900602, 0.983684};
    const double changes2[] = {-1.097092, -0.586745, 1.339849, -0.500264, -0.456626, 0.107124,
                               -1.495892, 0.006848,  0.523233, 0.336350,  0.263051,  -0.244328};
    for (std::size_t gene = 0; gene < 12; ++gene) {
        EXPECT_NEAR(markers[0].score[gene], scores0[gene], 1e-5);
        EXPECT_NEAR(markers[2].log_fold_change[gene], changes2[gene], 1e-5);
    }
    EXPECT_EQ(top_genes(markers[0].score, 3), (std::vector<std::int32_t>{0, 6, 3}));
    std::vector<std::int64_t> rows(40);
    std::iota(rows.begin(), rows.end(), 0);
    const auto correlations = gene_correlations(sparse(cells.expression), rows, {0, 3, 5});
    ASSERT_EQ(correlations.size(), 3u);
    EXPECT_NEAR(correlations[0], 0.27236474, 1e-6);
    EXPECT_NEAR(correlations[1], -0.27159484, 1e-6);
    EXPECT_NEAR(correlations[2], -0.03615315, 1e-6);
}

TEST(MarkerGenes, ByHand) {
    EXPECT_DOUBLE_EQ(overlap({1, 2, 3, 4}, {4, 9, 1}), 0.5);
    EXPECT_TRUE(std::isnan(overlap({}, {1})));
    EXPECT_EQ(top_genes({1, 5, 5, 2}, 3), (std::vector<std::int32_t>{1, 2, 3}));
    EXPECT_EQ(top_genes({1, 2}, 9).size(), 2u);
    // A group that holds every cell has no others.
    Points one(2, 1);
    one << 1, 2;
    EXPECT_TRUE(group_markers(sparse(one), {0, 0}, 2)[0].score.empty());
    EXPECT_TRUE(group_markers(sparse(one), {0, 0}, 2)[1].score.empty());
}

}  // namespace
