#include "src/diffusion/residual_mlp.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>

#include "dist/block_range.hpp"
#include "src/embed/parameter_init.hpp"

namespace lapatlas {

TEST(SynchronisedNorm, IsLibtorchsOverTheRowsOfAllRanks) {
    const Communicator comm = Communicator::world();
    torch::manual_seed(1);
    constexpr std::int64_t kRows = 7, kWidth = 3;
    const torch::Tensor rows = torch::randn({kRows, kWidth}) * 3 + 5, weights = torch::randn({kRows, kWidth});
    torch::nn::BatchNorm1d expected(kWidth);
    SynchronisedNorm norm(kWidth);
    {
        const torch::NoGradGuard no_grad;
        for (const auto& parameters : {expected->parameters(), norm->parameters()}) {
            parameters[0].copy_(torch::tensor({0.5, 1.5, -1.0}));
            parameters[1].copy_(torch::tensor({1.0, 0.0, 2.0}));
        }
    }
    const torch::Tensor whole = rows.clone().requires_grad_(true);
    (expected->forward(whole) * weights).sum().backward();

    const BlockRange mine = block_of_rank(kRows, comm.size(), comm.rank());
    const torch::Tensor part = rows.narrow(0, mine.begin, mine.size()).clone().requires_grad_(true);
    const torch::Tensor out = norm->forward(part, sum_over_ranks(comm));
    (out * weights.narrow(0, mine.begin, mine.size())).sum().backward();
    const auto near = [](const torch::Tensor& a, const torch::Tensor& b) {
        return torch::allclose(a, b, 1e-5, 1e-5);
    };
    EXPECT_TRUE(near(part.grad(), whole.grad().narrow(0, mine.begin, mine.size())));
    // Parameters' gradients are of a rank's rows, as those of every layer: their sum is the whole.
    for (std::size_t i = 0; i < 2; ++i) {
        torch::Tensor sum = norm->parameters()[i].grad().to(torch::kFloat64);
        sum_over_ranks(comm)(sum);
        EXPECT_TRUE(near(sum.to(torch::kFloat32), expected->parameters()[i].grad())) << i;
    }
    EXPECT_TRUE(near(norm->buffers()[0], expected->running_mean));
    EXPECT_TRUE(near(norm->buffers()[1], expected->running_var));
    expected->eval();
    norm->eval();
    EXPECT_TRUE(near(norm->forward(rows, {}), expected->forward(rows)));
}

TEST(ResidualMlp, HasTheParametersOfThePaper) {
    const auto count = [](const ResidualMlpOptions& options) {
        std::int64_t sum = 0;
        for (const torch::Tensor& parameter : ResidualMlp(options)->parameters()) sum += parameter.numel();
        return sum;
    };
    // DICE, appendix C: about 150,000 and 35 million; by hand 148,111 of the small one, which is without the
    // biases that norms take away.
    EXPECT_EQ(count({15, 64, 2}), 148'111);
    EXPECT_NEAR(static_cast<double>(count({50, 512, 8})), 35e6, 1e6);
}

TEST(ResidualMlp, IsItsLayersOneAfterAnother) {
    ResidualMlp network(ResidualMlpOptions{3, 4, 1});
    initialise_parameters(*network, 5, 1);
    network->eval();
    std::map<std::string, torch::Tensor> p;
    for (const auto& item : network->named_parameters()) p[item.key()] = item.value();
    torch::manual_seed(2);
    const torch::Tensor x = torch::randn({6, 3}), times = torch::rand({6});
    const auto linear = [&](const torch::Tensor& in, const std::string& name) {
        const torch::Tensor product = torch::matmul(in, p.at(name + ".weight").t());
        return p.contains(name + ".bias") ? product + p.at(name + ".bias") : product;
    };
    const torch::Tensor frequencies = network->named_buffers()["frequencies"];
    ASSERT_EQ(frequencies.numel(), 8);
    const torch::Tensor phases = torch::outer(times, frequencies);
    torch::Tensor time = torch::cat({phases.sin(), phases.cos()}, 1);
    time = torch::silu(linear(torch::silu(linear(time, "time_inner")), "time_outer"));
    torch::Tensor h = torch::cat({linear(x, "input"), time}, 1);
    // Untrained norms divide by sqrt(1 + 1e-5).
    const double unit = 1 / std::sqrt(1 + 1e-5);
    const torch::Tensor wide = torch::silu(linear(h, "blocks.0.wide") * unit);
    h = h + linear(wide, "blocks.0.narrow") * unit;
    const torch::Tensor expected = linear(torch::silu(linear(h, "head")), "output");
    EXPECT_TRUE(torch::allclose(network->forward(x, times), expected, 1e-5, 1e-6));
    // One time for all rows.
    EXPECT_TRUE(torch::allclose(network->forward(x, times.narrow(0, 0, 1)),
                                network->forward(x, times[0].expand({6})), 1e-5, 1e-6));
}

}  // namespace lapatlas
