#include "src/graph/knn.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

/// Rows `range` of points in `clusters` Gaussian clouds; a row is the same whoever makes it.
std::vector<double> clustered_points(BlockRange range, std::int64_t p, std::int64_t clusters) {
    const PlacedRandom random(11, RandomStream::kSimulate);
    std::vector<double> points(static_cast<std::size_t>(range.size() * p)),
        centre(static_cast<std::size_t>(p));
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        random.fill_normals(static_cast<std::uint64_t>(row % clusters), 1, centre.data(), p);
        double* const point = points.data() + (row - range.begin) * p;
        random.fill_normals(static_cast<std::uint64_t>(row), 2, point, p);
        for (std::int64_t j = 0; j < p; ++j) point[j] += 3 * centre[static_cast<std::size_t>(j)];
    }
    return points;
}

std::vector<double> my_points(const Communicator& comm, std::int64_t n, std::int64_t p,
                              std::int64_t clusters) {
    return clustered_points(block_of_rank(n, comm.size(), comm.rank()), p, clusters);
}

/// Every pair, in float64. `exclude_self`: query i is base point i.
KnnGraph brute_force(const std::vector<double>& queries, const std::vector<double>& base, std::int64_t p,
                     std::int64_t k, bool exclude_self) {
    const std::size_t width = static_cast<std::size_t>(p), n = base.size() / width;
    KnnGraph graph;
    graph.k = k;
    for (std::size_t q = 0; q < queries.size() / width; ++q) {
        std::vector<std::pair<double, std::int64_t>> all;
        for (std::size_t b = 0; b < n; ++b) {
            if (exclude_self && b == q) continue;
            double distance = 0;
            for (std::size_t j = 0; j < width; ++j)
                distance += std::pow(queries[q * width + j] - base[b * width + j], 2);
            all.emplace_back(distance, static_cast<std::int64_t>(b));
        }
        std::sort(all.begin(), all.end());
        for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) {
            graph.neighbours.push_back(all[j].second);
            graph.squared_distances.push_back(static_cast<float>(all[j].first));
        }
    }
    return graph;
}

std::vector<std::int64_t> gathered_neighbours(const Communicator& comm, const KnnGraph& graph) {
    return all_gather_v<std::int64_t>(comm, graph.neighbours);
}

}  // namespace

TEST(Knn, FivePointsOnALineByHand) {
    // 0, 1, 3, 3, 10: ties and a duplicate.
    const auto comm = Communicator::world();
    const std::vector<double> line = {0, 1, 3, 3, 10};
    const BlockRange mine = block_of_rank(5, comm.size(), comm.rank());
    const std::vector<double> local(line.begin() + mine.begin, line.begin() + mine.end);
    const KnnGraph graph = knn_exact(comm, local, 1, 2);
    EXPECT_EQ(graph.k, 2);
    EXPECT_EQ(gathered_neighbours(comm, graph), (std::vector<std::int64_t>{1, 2, 0, 2, 3, 1, 2, 1, 2, 3}));
    EXPECT_EQ(all_gather_v<float>(comm, graph.squared_distances),
              (std::vector<float>{1, 9, 1, 4, 0, 4, 0, 4, 49, 49}));
    EXPECT_EQ(knn_recall(comm, local, 1, graph), 1.0);
}

TEST(Knn, ExactEqualsBruteForceOnAnyRanks) {
    const auto comm = Communicator::world();
    for (const std::int64_t p : {1, 7, 33}) {
        const std::int64_t n = 700, k = 9;
        const KnnGraph graph = knn_exact(comm, my_points(comm, n, p, 4), p, k);
        const std::vector<double> all = clustered_points({0, n}, p, 4);
        EXPECT_EQ(gathered_neighbours(comm, graph), brute_force(all, all, p, k, true).neighbours)
            << "p " << p;
        EXPECT_TRUE(
            std::is_sorted(graph.squared_distances.begin(),
                           graph.squared_distances.begin() + (graph.squared_distances.empty() ? 0 : k)));
    }
}

TEST(Knn, ExactWhereFloat32CannotTellPointsApart) {
    // Steps of 1e-3 around 1e6: squares need 13 digits more than float32 has.
    const auto comm = Communicator::world();
    const std::int64_t n = 300;
    const BlockRange mine = block_of_rank(n, comm.size(), comm.rank());
    const auto make = [](BlockRange range) {
        std::vector<double> points;
        for (std::int64_t row = range.begin; row < range.end; ++row) {
            points.push_back(1e6 + 1e-3 * static_cast<double>(row * row % 977));
            points.push_back(-1e6);
        }
        return points;
    };
    const KnnGraph graph = knn_exact(comm, make(mine), 2, 5);
    EXPECT_EQ(gathered_neighbours(comm, graph),
              brute_force(make({0, n}), make({0, n}), 2, 5, true).neighbours);
}

TEST(Knn, FewerPointsThanNeighboursOrRanks) {
    const auto comm = Communicator::world();
    const std::vector<double> all = clustered_points({0, 3}, 4, 2);
    const KnnGraph exact = knn_exact(comm, my_points(comm, 3, 4, 2), 4, 15);
    EXPECT_EQ(exact.k, 2);
    EXPECT_EQ(gathered_neighbours(comm, exact), brute_force(all, all, 4, 2, true).neighbours);
    const KnnGraph approximate = knn_approximate(comm, my_points(comm, 3, 4, 2), 4, 15, {});
    EXPECT_EQ(approximate.k, 2);
    EXPECT_EQ(gathered_neighbours(comm, approximate), gathered_neighbours(comm, exact));
    const KnnGraph lonely = knn_exact(comm, my_points(comm, 1, 4, 2), 4, 15);
    EXPECT_EQ(lonely.k, 0);
    EXPECT_EQ(knn_recall(comm, my_points(comm, 1, 4, 2), 4, lonely), 1.0);
}

TEST(Knn, QueriesAgainstTrainingPoints) {
    const auto comm = Communicator::world();
    const std::int64_t p = 6, k = 4;
    const std::vector<double> all = clustered_points({0, 260}, p, 3);
    const std::vector<double> base(all.begin(), all.begin() + 200 * p),
        queries(all.begin() + 195 * p, all.end());
    const BlockRange my_base = block_of_rank(200, comm.size(), comm.rank());
    const BlockRange my_queries = block_of_rank(65, comm.size(), comm.rank());
    const KnnGraph graph =
        knn_query(comm,
                  std::span<const double>(queries).subspan(static_cast<std::size_t>(my_queries.begin * p),
                                                           static_cast<std::size_t>(my_queries.size() * p)),
                  std::span<const double>(base).subspan(static_cast<std::size_t>(my_base.begin * p),
                                                        static_cast<std::size_t>(my_base.size() * p)),
                  p, k);
    const KnnGraph expected = brute_force(queries, base, p, k, false);
    EXPECT_EQ(gathered_neighbours(comm, graph), expected.neighbours);
    // The first queries are base points themselves: found at distance zero.
    EXPECT_EQ(expected.neighbours[0], 195);
}

TEST(Knn, ApproximateFindsAlmostAllAndIsTheSameOnAnyRanks) {
    const auto comm = Communicator::world();
    const std::int64_t n = 4000, p = 30, k = 15;
    const std::vector<double> local = my_points(comm, n, p, 12);
    const KnnGraph graph = knn_approximate(comm, local, p, k, {.seed = 4});
    EXPECT_EQ(graph.k, k);
    EXPECT_GE(knn_recall(comm, local, p, graph, 500), 0.99);
    const auto neighbours = gathered_neighbours(comm, graph);
    const std::vector<double> all = clustered_points({0, n}, p, 12);
    omp_set_num_threads(2);
    const KnnGraph alone = knn_approximate(Communicator::self(), all, p, k, {.seed = 4});
    omp_set_num_threads(1);
    EXPECT_EQ(neighbours, alone.neighbours);
    const std::size_t width = static_cast<std::size_t>(p);
    for (std::size_t row = 0; row < 50; ++row)
        for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) {
            const std::size_t other =
                static_cast<std::size_t>(alone.neighbours[row * static_cast<std::size_t>(k) + j]);
            double distance = 0;
            for (std::size_t d = 0; d < width; ++d)
                distance += std::pow(all[row * width + d] - all[other * width + d], 2);
            EXPECT_NE(other, row);
            EXPECT_NEAR(alone.squared_distances[row * static_cast<std::size_t>(k) + j], distance,
                        1e-5 * distance);
        }
}

TEST(Knn, TheIndexAnswersQueriesOfAnyRank) {
    const auto comm = Communicator::world();
    const std::int64_t n = 3000, m = 200, p = 20, k = 10;
    // Half of the queries are points.
    const std::vector<double> some = clustered_points({n - m / 2, n + m / 2}, p, 9);
    const BlockRange mine = block_of_rank(m, comm.size(), comm.rank());
    const auto local = std::span<const double>(some).subspan(static_cast<std::size_t>(mine.begin * p),
                                                             static_cast<std::size_t>(mine.size() * p));
    const NeighbourIndex index(comm, my_points(comm, n, p, 9), p, k, {.seed = 3, .recall = 1});
    const KnnGraph graph = index.query(local);
    EXPECT_EQ(graph.k, k);
    const std::vector<std::int64_t> found = gathered_neighbours(comm, graph);
    const std::vector<std::int64_t> expected =
        brute_force(some, clustered_points({0, n}, p, 9), p, k, false).neighbours;
    ASSERT_EQ(found.size(), expected.size());
    std::int64_t same = 0;
    for (std::size_t i = 0; i < found.size(); ++i) same += found[i] == expected[i] ? 1 : 0;
    EXPECT_GE(same, m * k * 99 / 100);
    EXPECT_EQ(found[0], n - m / 2);
}

TEST(Knn, SearchesAsManyListsAsRecallNeeds) {
    const auto comm = Communicator::world();
    const std::int64_t n = 4000, p = 12, k = 15;
    const std::vector<double> local = my_points(comm, n, p, 3);
    const auto recall_of = [&](const ApproximateKnnOptions& options) {
        return knn_recall(comm, local, p, knn_approximate(comm, local, p, k, options), 500);
    };
    EXPECT_LT(recall_of({.seed = 4, .lists = 60, .probes = 2}), 0.95);
    const double low = recall_of({.seed = 4, .lists = 60, .recall = 0.8});
    EXPECT_GT(low, 0.77);
    EXPECT_LT(low, 0.97);
    EXPECT_GE(recall_of({.seed = 4, .lists = 60}), 0.99);
    EXPECT_EQ(recall_of({.seed = 4, .lists = 60, .recall = 1}), 1);
}

TEST(Knn, ListsWithoutEnoughPointsAreFilled) {
    // As many lists as points: one probed list holds no other point.
    const auto comm = Communicator::world();
    const std::vector<double> local = my_points(comm, 40, 3, 2);
    const ApproximateKnnOptions options{.seed = 1, .lists = 40, .probes = 1};
    const KnnGraph graph = knn_approximate(comm, local, 3, 5, options);
    const std::vector<double> all = clustered_points({0, 40}, 3, 2);
    EXPECT_EQ(graph.k, 5);
    EXPECT_EQ(knn_recall(comm, local, 3, graph), 1.0);
    EXPECT_EQ(gathered_neighbours(comm, graph), brute_force(all, all, 3, 5, true).neighbours);
}

TEST(Knn, RecallCountsWhatIsMissing) {
    const auto comm = Communicator::world();
    const std::int64_t n = 100, p = 3;
    const std::vector<double> local = my_points(comm, n, p, 2);
    const KnnGraph six = knn_exact(comm, local, p, 6);
    KnnGraph graph;  // the nearest, and the 4th to 6th instead of the 2nd to 4th: two of four are right
    graph.k = 4;
    for (std::size_t row = 0; row < six.neighbours.size() / 6; ++row)
        for (const std::size_t j : {0, 3, 4, 5}) {
            graph.neighbours.push_back(six.neighbours[row * 6 + j]);
            graph.squared_distances.push_back(six.squared_distances[row * 6 + j]);
        }
    EXPECT_EQ(knn_recall(comm, local, p, graph), 0.5);
}

TEST(Knn, RefusesPointsThatAreNotNumbersOnEveryRank) {
    const auto comm = Communicator::world();
    std::vector<double> local = my_points(comm, 8, 2, 2);
    if (comm.is_root()) local[0] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(knn_exact(comm, local, 2, 1), InternalError);
}

}  // namespace lapatlas
