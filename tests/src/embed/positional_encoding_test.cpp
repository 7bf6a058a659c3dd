#include "src/embed/positional_encoding.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <map>
#include <set>

#include "dist/collectives.hpp"
#include "src/random/philox.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

using testing_support::block_graph;
using testing_support::dense_adjacency;

namespace {

Eigen::MatrixXd dense_normalised(const std::vector<std::int64_t>& targets, std::int64_t rows,
                                 std::int64_t k) {
    const Eigen::MatrixXd a = dense_adjacency(targets, rows, k);
    const Eigen::VectorXd d = a.rowwise().sum();
    const Eigen::VectorXd s = d.unaryExpr([](double x) { return x > 0 ? 1 / std::sqrt(x) : 0.0; });
    return s.asDiagonal() * a * s.asDiagonal();
}

}  // namespace

class EncodingOfComponents : public testing::TestWithParam<int> {};

TEST_P(EncodingOfComponents, MatchesADenseEigensolverAndMissesNoEigenvalue) {
    const auto comm = Communicator::world();
    const std::int64_t rows = 240, k = 6, count = 10;
    const auto targets = testing_support::clustered_targets(rows, k, GetParam(), 5);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    const Components components = find_components(comm, graph);
    EXPECT_EQ(components.count, GetParam());
    const PositionalEncoding encoding = positional_encoding(comm, graph, components, {.count = count});
    EXPECT_LE(encoding.largest_residual, 5e-4);

    const Eigen::MatrixXd s = dense_normalised(targets, rows, k);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> dense(s);
    for (std::int64_t m = 0; m < count; ++m)
        EXPECT_NEAR(encoding.eigenvalues[static_cast<std::size_t>(m)],
                    1 - dense.eigenvalues()(rows - 1 - GetParam() - m), 1e-6)
            << "eigenvalue " << m;

    const auto all = gather_v<double>(comm, encoding.vectors);
    if (!comm.is_root()) return;
    const Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>> v(all.data(), rows, count);
    const Eigen::MatrixXd scaled = v / std::sqrt(static_cast<double>(rows));
    EXPECT_LT((scaled.transpose() * scaled - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(),
              1e-8);
    for (std::int64_t m = 0; m < count; ++m) {
        const double theta = 1 - encoding.eigenvalues[static_cast<std::size_t>(m)];
        EXPECT_LT((s * scaled.col(m) - theta * scaled.col(m)).norm(), 5e-4);
        Eigen::Index extreme = 0;
        scaled.col(m).cwiseAbs().maxCoeff(&extreme);
        EXPECT_GT(scaled(extreme, m), 0) << "sign convention";
    }
}

INSTANTIATE_TEST_SUITE_P(OneThreeTwelve, EncodingOfComponents, testing::Values(1, 3, 12));

TEST(PositionalEncoding, DoesNotDependOnTheNumberOfRanks) {
    const auto comm = Communicator::world();
    const auto self = Communicator::self();
    const std::int64_t rows = 150, k = 5;
    const auto targets = testing_support::clustered_targets(rows, k, 2, 9);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    const DistributedGraph whole = block_graph(self, targets, rows, k);
    const auto mine = positional_encoding(comm, graph, find_components(comm, graph), {.count = 6});
    const auto reference = positional_encoding(self, whole, find_components(self, whole), {.count = 6});
    const auto all = all_gather_v<double>(comm, mine.vectors);
    EXPECT_EQ(all.size(), reference.vectors.size());
    for (std::size_t i = 0; i < std::min(all.size(), reference.vectors.size()); ++i)
        EXPECT_NEAR(all[i], reference.vectors[i], 1e-6);
}

TEST(PositionalEncoding, FindsTheSameFromTheGraphOfClusters) {
    const auto comm = Communicator::world();
    const std::int64_t rows = 600, k = 5, count = 4, size = 4;
    const auto targets = testing_support::clustered_targets(rows, k, 3, 11);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    const DistributedGraph whole = block_graph(Communicator::self(), targets, rows, k);
    // Clusters of rows that follow each other; the first is empty.
    std::vector<std::int64_t> offsets{0};
    for (std::int64_t row = 0; row <= rows; row += size) offsets.push_back(row);
    std::vector<std::map<std::int32_t, std::int64_t>> links(offsets.size() - 1);
    const auto cluster = [&](std::int64_t row) { return static_cast<std::int32_t>(1 + row / size); };
    for (std::int64_t row = 0; row < rows; ++row)
        for (const std::int64_t other : whole.neighbours(row))
            if (cluster(row) != cluster(other))
                ++links[static_cast<std::size_t>(cluster(row))][cluster(other)];
    std::vector<std::int64_t> link_offsets{0}, edges;
    std::vector<std::int32_t> neighbours;
    for (const auto& of_cluster : links) {
        for (const auto& [other, number] : of_cluster) {
            neighbours.push_back(other);
            edges.push_back(number);
        }
        link_offsets.push_back(static_cast<std::int64_t>(neighbours.size()));
    }
    PositionalEncodingOptions options{.count = count};
    const auto components = find_components(comm, graph);
    const auto from_noise = positional_encoding(comm, graph, components, options);
    options.clusters = {offsets, {link_offsets, neighbours, edges, {}}};
    ASSERT_TRUE(start_from_clusters(comm, graph, options.clusters, 12, 0).defined());
    const auto from_clusters = positional_encoding(comm, graph, components, options);
    for (std::size_t m = 0; m < static_cast<std::size_t>(count); ++m)
        EXPECT_NEAR(from_clusters.eigenvalues[m], from_noise.eigenvalues[m], 1e-7);
    ASSERT_EQ(from_clusters.vectors.size(), from_noise.vectors.size());
    for (std::size_t i = 0; i < from_noise.vectors.size(); ++i)
        EXPECT_NEAR(from_clusters.vectors[i], from_noise.vectors[i], 1e-2);
}

TEST(PositionalEncoding, FewerRowsThanRanksAndFewerVectorsThanWanted) {
    const auto comm = Communicator::world();
    // A path 0 - 1 - 2: eigenvalues of L_norm are 0, 1, 2.
    const std::vector<std::int64_t> targets{1, 2, 1};
    const DistributedGraph graph = block_graph(comm, targets, 3, 1);
    const auto encoding = positional_encoding(comm, graph, find_components(comm, graph), {.count = 16});
    EXPECT_EQ(encoding.count, 2);
    EXPECT_NEAR(encoding.eigenvalues.at(0), 1, 1e-9);
    EXPECT_NEAR(encoding.eigenvalues.at(1), 2, 1e-9);
}

TEST(PositionalEncoding, NystromOfATrainingRowIsTheRowItself) {
    const auto comm = Communicator::world();
    const std::int64_t rows = 80, k = 4;
    const auto targets = testing_support::clustered_targets(rows, k, 1, 3);
    const DistributedGraph graph = block_graph(comm, targets, rows, k);
    const auto encoding = positional_encoding(comm, graph, find_components(comm, graph), {.count = 3});
    // S v = theta v, so a new cell with the neighbours of row r gets the encoding of r.
    std::int64_t widest = 0;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r) widest = std::max(widest, graph.degree(r));
    widest = all_reduce_max(comm, widest);
    std::vector<std::int64_t> neighbours;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r) {
        const auto own = graph.neighbours(r);
        for (std::int64_t j = 0; j < widest; ++j)
            neighbours.push_back(j < static_cast<std::int64_t>(own.size()) ? own[static_cast<std::size_t>(j)]
                                                                           : -1);
    }
    const auto extended = extend_encoding(comm, graph, encoding, neighbours, widest);
    EXPECT_EQ(extended.size(), encoding.vectors.size());
    for (std::size_t i = 0; i < extended.size(); ++i) EXPECT_NEAR(extended[i], encoding.vectors[i], 1e-3);
}

}  // namespace lapatlas
