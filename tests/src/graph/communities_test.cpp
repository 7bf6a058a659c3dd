#include "src/graph/communities.hpp"

#include <gtest/gtest.h>

#include <set>

namespace lapatlas {

namespace {

/// `cliques` complete graphs of `size` cells, each joined with the next by one edge.
WeightedEdges ring_of_cliques(std::int64_t cliques, std::int64_t size) {
    WeightedEdges edges;
    const auto add = [&](std::int64_t a, std::int64_t b) {
        edges.from.push_back(a);
        edges.to.push_back(b);
        edges.weight.push_back(1);
    };
    for (std::int64_t c = 0; c < cliques; ++c) {
        for (std::int64_t i = 0; i < size; ++i)
            for (std::int64_t j = i + 1; j < size; ++j) add(c * size + i, c * size + j);
        add(c * size, (c + 1) % cliques * size + 1);
    }
    return edges;
}

/// Newman's, written down once more.
double modularity(std::int64_t cells, const WeightedEdges& edges, const std::vector<std::int32_t>& groups,
                  double resolution) {
    std::vector<double> degree(static_cast<std::size_t>(cells), 0);
    double total = 0, inside = 0;
    for (std::size_t i = 0; i < edges.weight.size(); ++i) {
        const auto a = static_cast<std::size_t>(edges.from[i]), b = static_cast<std::size_t>(edges.to[i]);
        degree[a] += edges.weight[i];
        degree[b] += edges.weight[i];
        total += edges.weight[i];
        if (groups[a] == groups[b]) inside += edges.weight[i];
    }
    double expected = 0;
    for (std::size_t a = 0; a < degree.size(); ++a)
        for (std::size_t b = 0; b < degree.size(); ++b)
            if (groups[a] == groups[b]) expected += degree[a] * degree[b] / (4 * total * total);
    return inside / total - resolution * expected;
}

}  // namespace

TEST(JaccardEdges, ByHand) {
    // Neighbourhoods with themselves: {0,1,2} {1,0,2} {2,1,3} {3,2,1}.
    const std::vector<std::int64_t> neighbours{1, 2, 0, 2, 1, 3, 2, 1};
    const WeightedEdges edges = jaccard_edges(neighbours, 2);
    std::set<std::tuple<std::int64_t, std::int64_t, double>> found;
    for (std::size_t i = 0; i < edges.weight.size(); ++i) {
        const auto [low, high] = std::minmax(edges.from[i], edges.to[i]);
        found.insert({low, high, edges.weight[i]});
    }
    const std::set<std::tuple<std::int64_t, std::int64_t, double>> expected{
        {0, 1, 1.0}, {0, 2, 0.5}, {1, 2, 0.5}, {2, 3, 1.0}, {1, 3, 0.5}};
    EXPECT_EQ(found, expected);
    EXPECT_EQ(edges.weight.size(), expected.size());
}

TEST(JaccardEdges, PlacesWithoutANeighbourAreNone) {
    const std::vector<std::int64_t> neighbours{1, -1, 0, -1};
    const WeightedEdges edges = jaccard_edges(neighbours, 2);
    ASSERT_EQ(edges.weight.size(), 1U);
    EXPECT_EQ(edges.weight[0], 1);
}

class Communities : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Methods, Communities, testing::Values("leiden", "louvain"),
                         [](const auto& of) { return std::string(of.param); });

TEST_P(Communities, AreTheCliquesOfARing) {
    const WeightedEdges edges = ring_of_cliques(6, 5);
    const auto groups = find_communities(30, edges, {.method = GetParam(), .seed = 3});
    for (std::int64_t cell = 0; cell < 30; ++cell)
        EXPECT_EQ(groups[static_cast<std::size_t>(cell)], cell / 5) << cell;
    EXPECT_NEAR(modularity(30, edges, groups, 1), 60.0 / 66 - 1.0 / 6, 1e-12);
    EXPECT_EQ(find_communities(30, edges, {.method = GetParam(), .seed = 3}), groups);
    // Little is needed to stay together at a low resolution.
    const auto few = find_communities(30, edges, {.method = GetParam(), .resolution = 0.1, .seed = 3});
    EXPECT_LT(*std::max_element(few.begin(), few.end()), 3);
}

TEST_P(Communities, ACellWithoutEdgesIsOneOfItsOwn) {
    WeightedEdges edges;
    edges.from = {0};
    edges.to = {1};
    edges.weight = {1};
    const auto groups = find_communities(3, edges, {.method = GetParam()});
    EXPECT_EQ(groups[0], groups[1]);
    EXPECT_EQ(groups[2], 1);
}

}  // namespace lapatlas
