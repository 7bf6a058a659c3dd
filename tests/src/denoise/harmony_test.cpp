#include "src/denoise/harmony.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "dist/block_range.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kWidth = 3, kCellsOfType = 60;
constexpr std::array<std::array<double, 2>, 3> kTypes{{{-5, -5}, {10, 0}, {0, 10}}};

/// Cells of types around kTypes; what their batch adds lies along the third axis.
std::vector<double> cells_of(std::initializer_list<std::size_t> types, double of_batch, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0, 0.5);
    std::vector<double> cells;
    for (const std::size_t type : types)
        for (std::int64_t i = 0; i < kCellsOfType; ++i)
            cells.insert(cells.end(), {kTypes[type][0] + noise(random), kTypes[type][1] + noise(random),
                                       of_batch + noise(random)});
    return cells;
}

/// Mean of the `which`-th type's cells, counting from the first one's.
std::array<double, kWidth> mean_of(const std::vector<double>& cells, std::int64_t which) {
    std::array<double, kWidth> mean{};
    for (std::int64_t i = which * kCellsOfType * kWidth; i < (which + 1) * kCellsOfType * kWidth; ++i)
        mean[static_cast<std::size_t>(i % kWidth)] +=
            cells[static_cast<std::size_t>(i)] / static_cast<double>(kCellsOfType);
    return mean;
}

double distance(const std::array<double, kWidth>& a, const std::array<double, kWidth>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/// A reference of two batches, of which one type is in the second only, and a query, all of them apart.
struct Example {
    std::vector<double> reference, query;
    std::vector<std::int32_t> batches;
};
Example example() {
    Example made{cells_of({0, 1}, 0, 1), cells_of({0, 1}, -3, 3),
                 std::vector<std::int32_t>(2 * kCellsOfType, 0)};
    const std::vector<double> second = cells_of({0, 1, 2}, 3, 2);
    made.reference.insert(made.reference.end(), second.begin(), second.end());
    made.batches.resize(5 * kCellsOfType, 1);
    return made;
}

struct Aligned {
    std::vector<double> reference, query;
};

template <class T>
std::span<const T> part_of(const Communicator& comm, const std::vector<T>& all, std::int64_t width) {
    const BlockRange mine = block_of_rank(std::ssize(all) / width, comm.size(), comm.rank());
    return std::span(all).subspan(static_cast<std::size_t>(mine.begin * width),
                                  static_cast<std::size_t>((mine.end - mine.begin) * width));
}

Aligned aligned(const Communicator& comm, const Example& all, std::int64_t num_batches = 2) {
    const Harmonised reference = harmonise(comm, part_of(comm, all.reference, kWidth), kWidth,
                                           part_of(comm, all.batches, 1), num_batches, 5);
    return {reference.points, map_onto(comm, reference.clusters, part_of(comm, all.query, kWidth))};
}

}  // namespace

TEST(Harmony, WithOneClusterIsARidgeRegressionOnTheBatch) {
    // Of batch 0 w = 3, t = 6, of batch 1 w = 1, t = 10: a = (6 / 4 + 10 / 2) / (3 / 4 + 1 / 2) = 5.2, batch
    // 0 adds (6 - 3 a) / 4 = -2.4, batch 1 (10 - a) / 2 = 2.4.
    const Communicator comm = Communicator::self();
    const std::vector<double> points{1, 2, 3, 10};
    const std::vector<std::int32_t> batches{0, 0, 0, 1};
    const Harmonised all = harmonise(comm, points, 1, batches, 2, 0);
    ASSERT_EQ(all.clusters.count(), 1);
    const std::vector<double> expected{3.4, 4.4, 5.4, 7.6};
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(all.points[i], expected[i], 1e-12);
    EXPECT_NEAR(all.clusters.weights[0], 4, 1e-12);
    EXPECT_NEAR(all.clusters.sums[0], 20.8, 1e-12);
    // Of the query w = 2, t = 4: a = (20.8 + 4 / 3) / (4 + 2 / 3), it adds (4 - 2 a) / 3.
    const std::vector<double> query{1, 3};
    const double a = (20.8 + 4.0 / 3) / (4 + 2.0 / 3);
    const std::vector<double> moved = map_onto(comm, all.clusters, query);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(moved[i], query[i] - (4 - 2 * a) / 3, 1e-12);
}

TEST(Harmony, BringsTypesOfAllBatchesTogether) {
    const Example all = example();
    const Aligned alone = aligned(Communicator::self(), all);
    const auto type = [&](std::int64_t which) { return mean_of(alone.reference, which); };
    EXPECT_GT(distance(mean_of(all.reference, 0), mean_of(all.reference, 2)), 2.5);
    EXPECT_LT(distance(type(0), type(2)), 0.7);
    EXPECT_LT(distance(type(1), type(3)), 0.7);
    EXPECT_LT(distance(mean_of(alone.query, 0), type(0)), 0.7);
    EXPECT_LT(distance(mean_of(alone.query, 1), type(1)), 0.7);
    // Types stay apart, also the one that a single batch has.
    EXPECT_GT(distance(type(0), type(1)), 8);
    EXPECT_GT(distance(type(4), type(2)), 8);
    EXPECT_GT(distance(type(4), type(3)), 11);
}

TEST(Harmony, IsTheSameOnAnyNumberOfRanks) {
    const Example all = example();
    const Communicator world = Communicator::world();
    const Aligned alone = aligned(Communicator::self(), all), mine = aligned(world, all);
    const auto part = [&](const std::vector<double>& values) {
        const std::span<const double> own = part_of(world, values, kWidth);
        return std::vector<double>(own.begin(), own.end());
    };
    EXPECT_EQ(mine.reference, part(alone.reference));
    EXPECT_EQ(mine.query, part(alone.query));
}

TEST(Harmony, LeavesOneBatchWhereItIs) {
    Example all = example();
    std::ranges::fill(all.batches, 0);
    EXPECT_EQ(aligned(Communicator::self(), all, 1).reference, all.reference);
}

}  // namespace lapatlas
