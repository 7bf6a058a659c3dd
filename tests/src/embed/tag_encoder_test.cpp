#include "src/embed/tag_encoder.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dist/collectives.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/train/reduced_gradients.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 9, kGenes = 6, kHidden = 5, kLatent = 3, kHops = 3;

/// As in pyg_tag.py.
double wave(std::int64_t i, double tag, double scale = 0.5) {
    return scale * std::sin(1.3 * static_cast<double>(i) + tag);
}

torch::Tensor waves(at::IntArrayRef shape, double tag) {
    return (0.5 * torch::sin(1.3 * torch::arange(c10::multiply_integers(shape), torch::kFloat64) + tag))
        .reshape(shape)
        .to(torch::kFloat32);
}

std::vector<std::vector<std::int64_t>> neighbours() {
    std::vector<std::vector<std::int64_t>> of(kCells);
    const auto join = [&](std::int64_t a, std::int64_t b) {
        for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
            auto& list = of[static_cast<std::size_t>(from)];
            if (std::find(list.begin(), list.end(), to) == list.end()) list.push_back(to);
        }
    };
    for (std::int64_t r = 0; r + 1 < kCells; ++r) {
        join(r, (2 * r + 1) % kCells);
        if (r % 2 == 0) join(r, r + 1);
    }
    for (auto& list : of) std::sort(list.begin(), list.end());
    return of;
}

}  // namespace

// The figures are PyTorch Geometric 2.8.1's (pyg_tag.py), on the same graph, weights and input.
TEST(TagEncoder, IsTwoTagConvLayersOfPytorchGeometric) {
    const Communicator comm = Communicator::world();
    TagEncoder encoder(TagEncoderOptions{kGenes, kHidden, kLatent, kHops});
    {
        const torch::NoGradGuard no_grad;
        auto parameters = encoder->named_parameters();
        for (std::int64_t k = 0; k <= kHops; ++k) {
            const auto tag = static_cast<double>(k);
            parameters["gene_weight_" + std::to_string(k)].copy_(waves({kGenes, kHidden}, 1 + tag));
            parameters["second_weight"][k].copy_(waves({kHidden, kLatent}, 11 + tag));
        }
        parameters["first_bias"].copy_(waves({kHidden}, 21));
        parameters["second_bias"].copy_(waves({kLatent}, 22));
    }
    // Three clusters over the ranks.
    const IndexMap map({0, 2, 6, kCells}, {0, 1 % comm.size(), 2 % comm.size()}, comm.size());
    const auto joined = neighbours();
    std::vector<std::int64_t> offsets{0}, columns;
    SparseInput input;
    input.num_genes = kGenes;
    input.row_offsets.push_back(0);
    for (const std::int64_t row : map.rows_of_rank(comm.rank())) {
        const auto& list = joined[static_cast<std::size_t>(row)];
        columns.insert(columns.end(), list.begin(), list.end());
        offsets.push_back(std::ssize(columns));
        for (std::int64_t g = 0; g < kGenes; ++g) {
            const double value = wave(row * kGenes + g, 40, 2);
            if (value <= 0) continue;
            input.gene_indices.push_back(static_cast<std::int32_t>(g));
            input.values.push_back(static_cast<float>(value));
        }
        input.row_offsets.push_back(std::ssize(input.values));
        ++input.num_rows;
    }
    order_by_gene(input);
    const auto x = make_sparse_encoder_input(std::move(input));
    const GraphShard shard = build_graph_shard(comm, map, offsets, columns);
    const auto graph = make_graph_operator(comm, shard, laplacian_entries(comm, shard, {}));

    const std::shared_ptr<const Backend> backend = make_cpu_backend(comm);
    ReducedGradients gradients(*backend, encoder->parameters(), encoder->sparse_weights());
    const torch::Tensor z = encoder->forward(x, graph, &gradients);
    gradients.begin();
    z.square().sum().backward();
    gradients.finish();

    const std::vector<double> expected{
        -0.917481, -2.198720, -0.258828, -0.854652, -2.167907, -0.305173, -0.975988, -2.072088, -0.132574,
        -1.137997, -2.350880, -0.119719, -1.115943, -2.569645, -0.258811, -0.911301, -2.186791, -0.258627,
        -0.863264, -2.050589, -0.233797, -0.921601, -1.879400, -0.083873, -0.421333, -0.620673, 0.089275};
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (std::int64_t j = 0; j < kLatent; ++j)
            EXPECT_NEAR(z[r][j].item<double>(),
                        expected[static_cast<std::size_t>(
                            shard.owned_ids[static_cast<std::size_t>(r)] * kLatent + j)],
                        2e-5);
    const auto parameters = encoder->named_parameters();
    const double of_genes[] = {4380.285567, 4664.259144, 4651.004777, 4650.644158},
                 of_second[] = {25807.562825, 24871.440706, 24853.855486, 24834.919196};
    for (std::int64_t k = 0; k <= kHops; ++k) {
        const auto squares = [](const torch::Tensor& gradient) {
            return gradient.to(torch::kFloat64).square().sum().item<double>();
        };
        EXPECT_NEAR(squares(parameters["gene_weight_" + std::to_string(k)].grad()) / of_genes[k], 1, 1e-5);
        EXPECT_NEAR(squares(parameters["second_weight"].grad()[k]) / of_second[k], 1, 1e-5);
    }
    const std::vector<double> of_bias{-31.362750, -0.098453, 0.000000, -3.198798, 28.639987};
    for (std::size_t j = 0; j < of_bias.size(); ++j)
        EXPECT_NEAR(parameters["first_bias"].grad()[static_cast<std::int64_t>(j)].item<double>(), of_bias[j],
                    5e-4);
}

}  // namespace lapatlas
