#include "src/embed/parameter_init.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

struct EveryKindImpl : torch::nn::Module {
    EveryKindImpl() {
        linear = register_module("linear", torch::nn::Linear(100, 50));
        norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({50})));
        table = register_module("label_embedding", torch::nn::Embedding(40, 50));
        output = register_module("zero_output", torch::nn::Linear(50, 3));
        convolution = register_parameter("encoding_weight", torch::full({4, 16, 20}, 7.0f));
        convolution_bias = register_parameter("first_bias", torch::full({20}, 7.0f));
        scale = register_parameter("log_dispersion", torch::full({5}, 0.25f));
    }
    torch::nn::Linear linear{nullptr}, output{nullptr};
    torch::nn::LayerNorm norm{nullptr};
    torch::nn::Embedding table{nullptr};
    torch::Tensor convolution, convolution_bias, scale;
};

/// A uniform sample in +-bound that reaches for the bound and has the spread of one.
void expect_uniform(const torch::Tensor& values, double bound) {
    EXPECT_LE(values.abs().max().item<double>(), bound);
    EXPECT_GT(values.abs().max().item<double>(), 0.98 * bound);
    EXPECT_NEAR(values.square().mean().item<double>() * 3 / (bound * bound), 1, 0.15);
    EXPECT_NEAR(values.mean().item<double>() / bound, 0, 0.1);
}

bool all_equal_to(const torch::Tensor& values, float value) { return values.eq(value).all().item<bool>(); }

}  // namespace

TEST(ParameterInit, FollowsItsRule) {
    EveryKindImpl module;
    initialise_parameters(module, 1, 2);
    expect_uniform(module.linear->weight, 0.1);
    EXPECT_TRUE(all_equal_to(module.linear->bias, 0));
    EXPECT_TRUE(all_equal_to(module.norm->weight, 1));
    EXPECT_TRUE(all_equal_to(module.norm->bias, 0));
    EXPECT_NEAR(module.table->weight.mean().item<double>(), 0, 0.1);
    EXPECT_NEAR(module.table->weight.std().item<double>(), 1, 0.1);
    EXPECT_TRUE(all_equal_to(module.output->weight, 0));
    EXPECT_TRUE(all_equal_to(module.output->bias, 0));
    expect_uniform(module.convolution, 1 / std::sqrt(64.0));
    EXPECT_TRUE(all_equal_to(module.convolution_bias, 0));
    EXPECT_TRUE(all_equal_to(module.scale, 0.25f));
}

TEST(ParameterInit, DependsOnSeedAndTagAlone) {
    torch::manual_seed(1);
    EveryKindImpl first;
    torch::manual_seed(2);
    EveryKindImpl second;
    initialise_parameters(first, 5, 0);
    initialise_parameters(second, 5, 0);
    EXPECT_TRUE(torch::equal(first.linear->weight, second.linear->weight));
    EXPECT_TRUE(torch::equal(first.table->weight, second.table->weight));
    EXPECT_TRUE(torch::equal(first.convolution, second.convolution));
    initialise_parameters(second, 5, 1);
    EXPECT_FALSE(torch::equal(first.linear->weight, second.linear->weight));
    initialise_parameters(second, 6, 0);
    EXPECT_FALSE(torch::equal(first.linear->weight, second.linear->weight));
}

TEST(ParameterInit, IsTheSameOnEveryRank) {
    const auto comm = Communicator::world();
    torch::manual_seed(static_cast<std::uint64_t>(comm.rank()));
    EveryKindImpl module;
    initialise_parameters(module, 3, 0);
    const torch::Tensor weight = module.linear->weight.detach().contiguous();
    const auto all =
        all_gather_v<float>(comm, {weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())});
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(all[i], weight.data_ptr<float>()[i % static_cast<std::size_t>(weight.numel())]);
}

}  // namespace lapatlas
