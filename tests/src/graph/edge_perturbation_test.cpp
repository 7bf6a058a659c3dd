#include "src/graph/edge_perturbation.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "dist/collectives.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kRows = 120, kNeighbours = 5;

struct Weights {
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(kRows, kRows);
    double share_changed = 0;
};

/// The weights of step 7 (after step 6, which warms v up) as a dense matrix on every rank.
Weights perturbed(const Communicator& comm, const EdgePerturbationOptions& options) {
    const auto targets = testing_support::clustered_targets(kRows, kNeighbours, 1, 11);
    const DistributedGraph whole =
        testing_support::block_graph(Communicator::self(), targets, kRows, kNeighbours);
    const IndexMap map = IndexMap::blocks(kRows, comm.size());
    std::vector<std::int64_t> offsets{0}, columns;
    std::vector<std::int32_t> kept;
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        const auto neighbours = whole.neighbours(row);
        columns.insert(columns.end(), neighbours.begin(), neighbours.end());
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
        kept.push_back(static_cast<std::int32_t>(kept.size()));
    }
    const GraphShard shard = build_graph_shard(comm, map, offsets, columns);
    EdgePerturbation perturbation(options, shard.owned_ids);
    perturbation.weights(comm, shard, kept, 6);
    const std::vector<float> weights = perturbation.weights(comm, shard, kept, 7);
    Weights result;
    std::size_t e = 0;
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (const std::int32_t c : shard.neighbours(r))
            result.matrix(shard.owned_ids[static_cast<std::size_t>(r)], shard.global_id(c)) = weights[e++];
    all_reduce_sum(comm,
                   std::span<double>(result.matrix.data(), static_cast<std::size_t>(result.matrix.size())));
    result.share_changed = perturbation.share_changed();
    return result;
}

double largest_eigenvalue(const Eigen::MatrixXd& matrix) {
    return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(matrix).eigenvalues().maxCoeff();
}

Eigen::MatrixXd unit_weights() {
    return testing_support::dense_adjacency(testing_support::clustered_targets(kRows, kNeighbours, 1, 11),
                                            kRows, kNeighbours);
}

}  // namespace

TEST(EdgePerturbation, RaisesTheLargestEigenvalueAndChangesTheWeights) {
    const auto comm = Communicator::world();
    const Weights changed = perturbed(comm, {.epsilon = 0.1, .seed = 3});
    const Eigen::MatrixXd unit = unit_weights();
    EXPECT_EQ((changed.matrix - changed.matrix.transpose()).cwiseAbs().maxCoeff(), 0)
        << "both owners agree on an edge";
    EXPECT_TRUE(((changed.matrix.array() != 0) == (unit.array() != 0)).all());
    EXPECT_GT(largest_eigenvalue(changed.matrix), largest_eigenvalue(unit) + 0.1);
    EXPECT_GT(changed.share_changed, 0.3);
}

TEST(EdgePerturbation, RootMeanSquareIsEpsilonAndWithoutItOnlyNoiseIsLeft) {
    const auto comm = Communicator::world();
    const Eigen::MatrixXd unit = unit_weights();
    const double edges = unit.sum();
    const Weights noise = perturbed(comm, {.epsilon = 0, .seed = 3});
    const Eigen::ArrayXXd size = (noise.matrix - unit).array().abs();
    EXPECT_GE((unit.array() != 0).select(size, 1.0).minCoeff(), 1e-3 - 1e-6);
    EXPECT_LE(size.maxCoeff(), 1e-2 + 1e-6);
    const Weights changed = perturbed(comm, {.epsilon = 0.1, .seed = 3});
    const double rms = std::sqrt((changed.matrix - noise.matrix).squaredNorm() / edges);
    EXPECT_NEAR(rms, 0.1, 0.01);
}

TEST(EdgePerturbation, DoesNotDependOnTheNumberOfRanks) {
    const auto comm = Communicator::world();
    const Weights here = perturbed(comm, {.epsilon = 0.1, .seed = 3});
    const Weights alone = perturbed(Communicator::self(), {.epsilon = 0.1, .seed = 3});
    EXPECT_LT((here.matrix - alone.matrix).cwiseAbs().maxCoeff(), 1e-6);
    const Weights other_seed = perturbed(comm, {.epsilon = 0.1, .seed = 4});
    EXPECT_GT((here.matrix - other_seed.matrix).cwiseAbs().maxCoeff(), 1e-4);
}

TEST(EdgePerturbation, SeveralModesMoveWeightsAlongTheLeadingEigenvectors) {
    const auto comm = Communicator::world();
    const EdgePerturbationOptions options{
        .alpha_min = 0, .alpha_max = 0, .epsilon = 1e-3, .power_iterations = 300, .seed = 3, .modes = 3};
    const Weights here = perturbed(comm, options), alone = perturbed(Communicator::self(), options);
    EXPECT_LT((here.matrix - alone.matrix).cwiseAbs().maxCoeff(), 1e-6);
    EXPECT_EQ((here.matrix - here.matrix.transpose()).cwiseAbs().maxCoeff(), 0);
    // delta_ij is in proportion to sum_m s_m v_im v_jm for some signs, v the eigenvectors of largest
    // |lambda|.
    const Eigen::MatrixXd unit = unit_weights();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(unit);
    std::vector<Eigen::Index> order(kRows);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
        return std::abs(solver.eigenvalues()[a]) > std::abs(solver.eigenvalues()[b]);
    });
    const Eigen::ArrayXXd delta = (here.matrix - unit).array();
    double best = 0;
    for (int signs = 0; signs < 4; ++signs) {
        Eigen::ArrayXXd expected = Eigen::ArrayXXd::Zero(kRows, kRows);
        for (int m = 0; m < 3; ++m) {
            const Eigen::VectorXd v = solver.eigenvectors().col(order[static_cast<std::size_t>(m)]);
            expected += (m > 0 && (signs >> (m - 1) & 1) != 0 ? -1 : 1) * (v * v.transpose()).array();
        }
        expected *= unit.array();
        best = std::max(best,
                        (expected * delta).sum() / std::sqrt(expected.square().sum() * delta.square().sum()));
    }
    EXPECT_GT(best, 0.95);
}

TEST(EdgePerturbation, LocalEditsCutOrDoubleEdgesOfSomeRows) {
    const auto comm = Communicator::world();
    const EdgePerturbationOptions options{
        .alpha_min = 0, .alpha_max = 0, .epsilon = 0, .seed = 3, .local_edits = 0.1};
    const Weights here = perturbed(comm, options), alone = perturbed(Communicator::self(), options);
    EXPECT_EQ((here.matrix - alone.matrix).cwiseAbs().maxCoeff(), 0);
    EXPECT_EQ((here.matrix - here.matrix.transpose()).cwiseAbs().maxCoeff(), 0);
    const Eigen::MatrixXd unit = unit_weights();
    double cut = 0, doubled = 0, kept = 0;
    for (Eigen::Index r = 0; r < kRows; ++r)
        for (Eigen::Index c = 0; c < kRows; ++c) {
            if (unit(r, c) == 0) continue;
            const double weight = here.matrix(r, c);
            EXPECT_TRUE(weight == 1 || weight == 2 || std::abs(weight - 1e-4) < 1e-9) << weight;
            ++(weight == 1 ? kept : weight == 2 ? doubled : cut);
        }
    // An edge has two ends: 19 % are touched.
    EXPECT_NEAR((cut + doubled) / (cut + doubled + kept), 0.19, 0.08);
    EXPECT_NEAR(cut / (cut + doubled), 0.5, 0.2);
}

TEST(MoveWeights, CapsAndKeepsBounds) {
    const auto comm = Communicator::self();
    // Two edges; the directions of the second pull ten times as hard, and down.
    const std::vector<std::int64_t> offsets{0, 1, 3, 4}, columns{1, 0, 2, 1};
    const GraphShard shard = build_graph_shard(comm, IndexMap::blocks(3, 1), offsets, columns);
    std::vector<float> weights(4, 1);
    move_weights(comm, shard, std::vector<double>{1, 1, -10, -10}, 0.1, weights);
    EXPECT_NEAR(weights[0] - 1, 0.1 * std::sqrt(2 / 101.0), 1e-6);
    EXPECT_NEAR(weights[2] - 1, -0.1 * std::sqrt(200 / 101.0), 1e-6);
    move_weights(comm, shard, std::vector<double>{0, 0, -1, -1}, 3, weights);
    EXPECT_EQ(weights[2], 1e-4F);
}

TEST(LaplacianEntries, PathByHand) {
    const auto comm = Communicator::self();
    // 0 - 1 (weight 2), 1 - 2 (weight 6): degrees 2, 8, 6.
    const std::vector<std::int64_t> offsets{0, 1, 3, 4}, columns{1, 0, 2, 1};
    const GraphShard shard = build_graph_shard(comm, IndexMap::blocks(3, 1), offsets, columns);
    const std::vector<float> entries = laplacian_entries(comm, shard, std::vector<float>{2, 2, 6, 6});
    EXPECT_NEAR(entries[0], -2 / std::sqrt(2.0 * 8), 1e-6);
    EXPECT_NEAR(entries[2], -6 / std::sqrt(8.0 * 6), 1e-6);
    EXPECT_EQ(entries[0], entries[1]);
}

TEST(EdgePerturbation, KeepsDegreesInAPartOfTheGraph) {
    const auto comm = Communicator::world();
    const auto targets = testing_support::clustered_targets(kRows, kNeighbours, 1, 11);
    const DistributedGraph whole =
        testing_support::block_graph(Communicator::self(), targets, kRows, kNeighbours);
    constexpr int kClusters = 12;
    std::vector<std::int64_t> cluster_offsets{0};
    std::vector<int> ranks;
    std::vector<std::uint8_t> active;
    for (int c = 0; c < kClusters; ++c) {
        cluster_offsets.push_back((c + 1) * kRows / kClusters);
        ranks.push_back(c * comm.size() / kClusters);
        active.push_back(c % 3 == 1 ? 0 : 1);
    }
    const IndexMap map(cluster_offsets, ranks, comm.size());
    std::vector<std::int64_t> offsets{0}, columns;
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        const auto neighbours = whole.neighbours(row);
        columns.insert(columns.end(), neighbours.begin(), neighbours.end());
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    const GraphShard full = build_graph_shard(comm, map, offsets, columns);
    const InducedShard part = induce(full, map, active);
    const auto degree = [&](std::int32_t column) {
        return static_cast<double>(whole.degree(part.shard.global_id(column)));
    };
    // S of a part has the eigenvector of the whole: D^1/2 1, of eigenvalue 1.
    const std::vector<float> entries = laplacian_entries(comm, part.shard, {});
    EdgePerturbation perturbation({.epsilon = 0.1, .seed = 3}, full.owned_ids);
    const std::vector<float> weights = perturbation.weights(comm, part.shard, part.kept_rows, 7);
    std::size_t e = 0;
    std::int64_t back = 0;
    for (std::int32_t r = 0; r < part.shard.num_owned; ++r) {
        double sum = 0;
        for (const std::int32_t c : part.shard.neighbours(r)) {
            sum += entries[e] * std::sqrt(degree(c));
            if (c == r) {
                EXPECT_EQ(weights[e], static_cast<float>(part.shard.absent[static_cast<std::size_t>(r)]));
                ++back;
            } else {
                EXPECT_GT(std::abs(weights[e] - 1), 1e-4);
            }
            ++e;
        }
        EXPECT_NEAR(sum, -std::sqrt(degree(r)), 1e-5);
    }
    EXPECT_GT(all_reduce_sum(comm, back), 0);
    EXPECT_GT(perturbation.share_changed(), 0.3);
}

}  // namespace lapatlas
