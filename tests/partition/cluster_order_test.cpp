#include "partition/cluster_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// A ring of clusters in a scrambled numbering: cluster scrambled(i) is i's place on the ring.
struct Ring {
    std::vector<std::int64_t> offsets{0}, edges, weights;
    std::vector<std::int32_t> neighbours, places;  // places[c]: where cluster c is on the ring

    explicit Ring(std::int32_t size) : places(static_cast<std::size_t>(size)) {
        std::vector<std::int32_t> at(places.size());  // at[p]: the cluster at place p
        for (std::int32_t p = 0; p < size; ++p) {
            at[static_cast<std::size_t>(p)] = p * 37 % size;
            places[static_cast<std::size_t>(p * 37 % size)] = p;
        }
        for (std::int32_t c = 0; c < size; ++c) {
            const std::int32_t p = places[static_cast<std::size_t>(c)];
            for (const std::int32_t other : {(p + 1) % size, (p + size - 1) % size}) {
                neighbours.push_back(at[static_cast<std::size_t>(other)]);
                edges.push_back(10);
            }
            offsets.push_back(static_cast<std::int64_t>(neighbours.size()));
            weights.push_back(100);
        }
    }
    ClusterGraphView view() const { return {offsets, neighbours, edges, weights}; }
};

/// Two pairs of clusters that share many edges; few between the pairs.
struct Pairs {
    std::vector<std::int64_t> offsets{0, 1, 3, 5, 6}, edges{100, 100, 1, 1, 100, 100},
        weights{10, 10, 10, 10};
    std::vector<std::int32_t> neighbours{1, 0, 2, 1, 3, 2};
    ClusterGraphView view() const { return {offsets, neighbours, edges, weights}; }
};

}  // namespace

TEST(OrderClusters, IsAPermutationWhoseStretchesHangTogether) {
    const Ring ring(128);
    const std::vector<std::int32_t> order = order_clusters(ring.view());
    std::vector<std::int32_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::int32_t c = 0; c < 128; ++c) EXPECT_EQ(sorted[static_cast<std::size_t>(c)], c);
    // Quarters of the order are arcs of the ring: few of their links leave them.
    std::vector<int> quarter(128);
    for (std::size_t i = 0; i < order.size(); ++i)
        quarter[static_cast<std::size_t>(ring.places[static_cast<std::size_t>(order[i])])] =
            static_cast<int>(i / 32);
    int cut = 0;
    for (std::size_t p = 0; p < 128; ++p) cut += quarter[p] != quarter[(p + 1) % 128] ? 1 : 0;
    EXPECT_LE(cut, 8);
}

TEST(OrderClusters, OfOneClusterOrWithoutLinks) {
    const std::vector<std::int64_t> offsets{0, 0, 0, 0}, none, weights{1, 1, 1};
    const std::vector<std::int32_t> order = order_clusters({offsets, {}, none, weights});
    EXPECT_EQ(order.size(), 3U);
    EXPECT_EQ(std::accumulate(order.begin(), order.end(), 0), 3);
    const std::vector<std::int64_t> single{0, 0}, weight{1};
    EXPECT_EQ(order_clusters({single, {}, none, weight}), (std::vector<std::int32_t>{0}));
}

TEST(PlaceClusters, KeepsLinkedClustersTogether) {
    const Pairs pairs;
    EXPECT_EQ(place_clusters(pairs.view(), 2), (std::vector<int>{0, 0, 1, 1}));
    // More ranks than clusters: a cluster each, the last ranks none.
    EXPECT_EQ(place_clusters(pairs.view(), 5), (std::vector<int>{0, 1, 2, 3}));
}

TEST(PlaceClusters, DealsStretchesOfEqualWeightAndLeavesNoRankOut) {
    Ring ring(200);
    for (std::size_t c = 0; c < ring.weights.size(); ++c)
        ring.weights[c] = 50 + static_cast<std::int64_t>(c * 13 % 101);
    const double total = static_cast<double>(std::accumulate(ring.weights.begin(), ring.weights.end(), 0LL));
    for (const int ranks : {1, 3, 7, 16, 199, 200}) {
        const std::vector<int> placed = place_clusters(ring.view(), ranks);
        EXPECT_TRUE(std::is_sorted(placed.begin(), placed.end()));
        std::vector<double> load(static_cast<std::size_t>(ranks), 0);
        for (std::size_t c = 0; c < placed.size(); ++c)
            load[static_cast<std::size_t>(placed[c])] += static_cast<double>(ring.weights[c]);
        EXPECT_GT(*std::min_element(load.begin(), load.end()), 0) << ranks;
        // No further off than a cluster and the tolerance at both ends.
        EXPECT_LE(*std::max_element(load.begin(), load.end()), 1.04 * total / ranks + 2 * 150) << ranks;
    }
}

TEST(PlaceClusters, CutsWhereFewEdgesCross) {
    // Stretches 0..50 and 51..99 share no edge but one; the half of the weight is at 50.
    std::vector<std::int64_t> offsets{0}, edges, weights(100, 1);
    std::vector<std::int32_t> neighbours;
    for (std::int32_t c = 0; c < 100; ++c) {
        for (const std::int32_t other : {c - 1, c + 1}) {
            if (other < 0 || other >= 100) continue;
            neighbours.push_back(other);
            edges.push_back(std::max(c, other) == 51 ? 1 : 100);
        }
        offsets.push_back(static_cast<std::int64_t>(neighbours.size()));
    }
    const std::vector<int> placed = place_clusters({offsets, neighbours, edges, weights}, 2);
    EXPECT_EQ(std::count(placed.begin(), placed.end(), 0), 51);
}

}  // namespace lapatlas
