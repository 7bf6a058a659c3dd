#include "src/evaluate/best_communities.hpp"

#include <algorithm>
#include <cmath>

#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/nearest_cells.hpp"
#include "src/graph/communities.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kNeighbours = 15;
constexpr int kResolutions = 20;
constexpr double kLowest = 0.01, kHighest = 2;

WeightedEdges neighbour_graph(const Points& cells) {
    std::vector<std::int64_t> neighbours(static_cast<std::size_t>(cells.rows() * kNeighbours), -1);
#pragma omp parallel for schedule(dynamic, 64)
    for (Eigen::Index i = 0; i < cells.rows(); ++i) {
        auto place = neighbours.begin() + i * kNeighbours;
        const auto end = place + kNeighbours;
        // A cell is its own nearest, or a duplicate of it is.
        for (const Neighbour& one : nearest_cells(cells, cells.row(i), kNeighbours + 1))
            if (one.row != i && place != end) *place++ = one.row;
    }
    return jaccard_edges(neighbours, kNeighbours);
}

}  // namespace

CommunityAgreement best_communities(const Points& cells, const std::vector<std::int32_t>& labels,
                                    std::uint64_t seed) {
    CommunityAgreement best{std::nan(""), std::nan(""), std::nan(""), std::nan("")};
    if (cells.rows() == 0) return best;
    const WeightedEdges edges = neighbour_graph(cells);
    for (int i = 0; i < kResolutions; ++i) {
        const double resolution = kLowest + (kHighest - kLowest) * i / (kResolutions - 1);
        const std::vector<std::int32_t> groups =
            find_communities(cells.rows(), edges, {.resolution = resolution, .seed = seed});
        const double ari = adjusted_rand_index(labels, groups);
        if (!(best.ari >= ari))
            best = {resolution, ari, normalised_mutual_information(labels, groups),
                    homogeneity(labels, groups)};
    }
    return best;
}

}  // namespace lapatlas
