#include "src/embed/edge_gradient.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>

#include "dist/collectives.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "tests/support/graphs.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

using testing_support::placed_normals;

constexpr std::int64_t kCells = 24, kGenes = 9, kEncodings = 2, kHidden = 6, kLatent = 3, kNeighbours = 3;

double unit_weight(std::int64_t a, std::int64_t b) {
    return 1 + 0.2 * std::sin(static_cast<double>(a * b + a + b));
}

/// This rank's part of a small graph, with an input and an encoder that all ranks know.
struct Problem {
    explicit Problem(const Communicator& ranks)
        : comm(ranks),
          map(IndexMap::blocks(kCells, ranks.size())),
          encoder(SpectralEncoderOptions{kGenes, kEncodings, kHidden, kLatent, 4}) {
        initialise_parameters(*encoder, 3, 1);
        const auto targets = testing_support::clustered_targets(kCells, kNeighbours, 1, 4);
        const DistributedGraph whole =
            testing_support::block_graph(Communicator::self(), targets, kCells, kNeighbours);
        std::vector<std::int64_t> offsets{0}, columns;
        const torch::Tensor all = placed_normals(kCells, kGenes, 1);
        SparseInput input;
        input.num_genes = kGenes;
        input.row_offsets.push_back(0);
        const std::vector<std::int64_t> rows = map.rows_of_rank(comm.rank());
        for (const std::int64_t row : rows) {
            const auto neighbours = whole.neighbours(row);
            columns.insert(columns.end(), neighbours.begin(), neighbours.end());
            offsets.push_back(std::ssize(columns));
            for (std::int64_t g = 0; g < kGenes; ++g) {
                const auto value = all[row][g].item<float>();
                if (value <= 0) continue;
                input.gene_indices.push_back(static_cast<std::int32_t>(g));
                input.values.push_back(value);
            }
            input.row_offsets.push_back(std::ssize(input.values));
            ++input.num_rows;
        }
        order_by_gene(input);
        x = make_sparse_encoder_input(std::move(input));
        const torch::Tensor index = torch::tensor(rows);
        encodings = placed_normals(kCells, kEncodings, 2).index_select(0, index);
        aims = placed_normals(kCells, kLatent, 3).index_select(0, index);
        shard = build_graph_shard(comm, map, offsets, columns);
    }

    /// Of all edges of this rank, `moved` by what is said of (row, row).
    std::vector<float> weights(
        const std::map<std::pair<std::int64_t, std::int64_t>, double>& moved = {}) const {
        std::vector<float> all;
        for (std::int64_t r = 0; r < shard.num_owned; ++r)
            for (const std::int32_t c : shard.neighbours(r)) {
                const std::int64_t a = shard.owned_ids[static_cast<std::size_t>(r)], b = shard.global_id(c);
                const auto found = moved.find({std::min(a, b), std::max(a, b)});
                all.push_back(
                    static_cast<float>(unit_weight(a, b) + (found == moved.end() ? 0 : found->second)));
            }
        return all;
    }

    torch::Tensor loss(const Posterior& posterior) const {
        return ((posterior.mean - aims).square() + 0.3 * posterior.log_variance).sum();
    }

    /// Collective. Over all ranks.
    double loss_at(const std::vector<float>& at) {
        const torch::NoGradGuard no_grad;
        const auto graph = make_graph_operator(comm, shard, laplacian_entries(comm, shard, at));
        return all_reduce_sum(comm,
                              loss(encoder->forward(x, encodings, graph)).to(torch::kFloat64).item<double>());
    }

    Communicator comm;
    IndexMap map;
    SpectralEncoder encoder;
    std::shared_ptr<const EncoderInput> x;
    torch::Tensor encodings, aims;
    GraphShard shard;
};

}  // namespace

TEST(EdgeGradient, IsThatOfFiniteDifferences) {
    Problem problem(Communicator::world());
    const std::vector<double> gradient =
        edge_gradient(problem.comm, problem.shard, problem.weights(), problem.encoder, problem.x,
                      problem.encodings, [&](const Posterior& posterior) { return problem.loss(posterior); });
    // Both directions of an edge have the same gradient, whoever owns them.
    std::map<std::pair<std::int64_t, std::int64_t>, double> of_edge;
    std::vector<double> table(static_cast<std::size_t>(kCells * kCells), 0);
    std::size_t e = 0;
    for (std::int64_t r = 0; r < problem.shard.num_owned; ++r)
        for (const std::int32_t c : problem.shard.neighbours(r))
            table[static_cast<std::size_t>(problem.shard.owned_ids[static_cast<std::size_t>(r)] * kCells +
                                           problem.shard.global_id(c))] = gradient[e++];
    all_reduce_sum(problem.comm, std::span<double>(table));
    double largest = 0;
    for (std::int64_t a = 0; a < kCells; ++a)
        for (std::int64_t b = a + 1; b < kCells; ++b) {
            const double there = table[static_cast<std::size_t>(a * kCells + b)],
                         back = table[static_cast<std::size_t>(b * kCells + a)];
            EXPECT_NEAR(there, back, 1e-4 * (1 + std::abs(there)));
            if (there != 0) of_edge[{a, b}] = there;
            largest = std::max(largest, std::abs(there));
        }
    ASSERT_GT(of_edge.size(), 30U);
    int looked_at = 0;
    for (const auto& [edge, expected] : of_edge) {
        if (looked_at++ % 4 != 0) continue;
        constexpr double kStep = 5e-3;
        const double up = problem.loss_at(problem.weights({{edge, kStep}})),
                     down = problem.loss_at(problem.weights({{edge, -kStep}}));
        EXPECT_NEAR((up - down) / (2 * kStep) / largest, expected / largest, 0.02)
            << edge.first << " " << edge.second;
    }
}

}  // namespace lapatlas
