// ScoreNets of every network and condition.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/diffusion/score_net.hpp"
#include "src/diffusion/vp_sde.hpp"
#include "src/embed/parameter_init.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

using testing_support::placed_normals;

ScoreNet moved(const ScoreNetOptions& options) {
    ScoreNet net(options);
    initialise_parameters(*net, 3, 0);
    // Away from the silent start.
    const torch::NoGradGuard no_grad;
    std::int64_t tag = 0;
    for (auto& item : net->named_parameters())
        if (item.key().find("zero_") != std::string::npos)
            item.value().copy_(
                0.2 *
                torch::sin(torch::arange(item.value().numel()) + (tag++)).reshape(item.value().sizes()));
    return net;
}

struct Trunk {
    const char* name;
    ScoreNetwork network;
    Fusion fusion;
};

class ScoreTrunks : public testing::TestWithParam<Trunk> {
  protected:
    ScoreNetOptions options() const {
        return {.latent = 5,
                .num_labels = 3,
                .num_batches = 2,
                .width = 16,
                .blocks = 2,
                .network = GetParam().network,
                .unet_widths = {24, 16, 8},
                .fusion = GetParam().fusion};
    }
};

}  // namespace

TEST_P(ScoreTrunks, OneTimeOfAllCellsIsAsEachCellsOwn) {
    ScoreNet net = moved(options());
    const torch::Tensor z = placed_normals(40, 5, 1), labels = torch::arange(40) % 4 - 1,
                        batches = torch::arange(40) % 2;
    const torch::Tensor each = net->forward(z, torch::full({40}, 0.7), labels, batches),
                        together = net->forward_at(z, 0.7, labels, batches);
    EXPECT_TRUE(torch::allclose(each, together, 1e-4, 1e-5));
    // Label, batch and time are all heard.
    const auto differs = [&](const torch::Tensor& other) {
        return (each - other).abs().max().item<double>() > 1e-4;
    };
    EXPECT_TRUE(differs(net->forward(z, torch::full({40}, 0.7), (labels + 2) % 3, batches)));
    EXPECT_TRUE(differs(net->forward(z, torch::full({40}, 0.7), labels, 1 - batches)));
    EXPECT_TRUE(differs(net->forward(z, torch::full({40}, 0.1), labels, batches)));
}

TEST_P(ScoreTrunks, StartsAsTheBestPredictorOfStandardNormals) {
    ScoreNet net(options());
    initialise_parameters(*net, 3, 0);
    const torch::Tensor z = placed_normals(4, 5, 1);
    const torch::Tensor noise =
        net->forward_at(z, 0.7, torch::zeros({4}, torch::kInt64), torch::zeros({4}, torch::kInt64));
    EXPECT_TRUE(torch::allclose(noise, vp_sigma(0.7) * z, 1e-5, 1e-6));
}

TEST_P(ScoreTrunks, ARankWithoutCellsJoinsIn) {
    ScoreNet net = moved(options());
    const torch::Tensor none = torch::zeros({0}, torch::kInt64);
    net->forward(torch::zeros({0, 5}), torch::zeros({0}), none, none).square().sum().backward();
    for (const auto& item : net->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

TEST_P(ScoreTrunks, EveryParameterHasAGradient) {
    ScoreNet net = moved(options());
    const torch::Tensor z = placed_normals(6, 5, 1), labels = torch::arange(6) % 3,
                        batches = torch::arange(6) % 2;
    net->forward(z, torch::linspace(0.1F, 2, 6), labels, batches).square().sum().backward();
    for (const auto& item : net->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

INSTANTIATE_TEST_SUITE_P(
    Each, ScoreTrunks,
    testing::Values(Trunk{"mlp", ScoreNetwork::kMlp, Fusion::kConcat},
                    Trunk{"cell_unet", ScoreNetwork::kCellUnet, Fusion::kConcat},
                    Trunk{"residual_mlp", ScoreNetwork::kResidualMlp, Fusion::kConcat},
                    Trunk{"scld_concat", ScoreNetwork::kScldUnet, Fusion::kConcat},
                    Trunk{"scld_add", ScoreNetwork::kScldUnet, Fusion::kAdd},
                    Trunk{"scld_attention", ScoreNetwork::kScldUnet, Fusion::kAttention}),
    [](const testing::TestParamInfo<Trunk>& trunk) { return std::string(trunk.param.name); });

TEST(LabelMeans, TellALabelByItsCells) {
    ScoreNetOptions options{.latent = 2, .num_labels = 2, .width = 8, .blocks = 1, .mean_genes = 4};
    ScoreNet net = moved(options);
    torch::Tensor means = placed_normals(3, 4, 2);
    means[1].copy_(means[0]);  // the second label's cells are as the first's
    net->set_label_means(means);
    const torch::Tensor z = placed_normals(4, 2, 1);
    const auto at = [&](std::int64_t label) { return net->forward_at(z, 0.5, torch::full({4}, label)); };
    EXPECT_TRUE(torch::allclose(at(0), at(1)));
    EXPECT_FALSE(torch::allclose(at(0), at(-1), 1e-3, 1e-4));
    EXPECT_TRUE(torch::equal(at(-1), at(2)));
}

TEST(ConditionShift, IsLinearBetweenItsTimes) {
    ScoreNetOptions options{.latent = 2, .num_labels = 2, .width = 8, .blocks = 1};
    options.shifts = {{0.0F, 0.0F}, {1.0F, 4.0F}, {2.0F, 5.0F}};
    ScoreNet net = moved(options);
    options.shifts.clear();
    ScoreNet plain = moved(options);
    {
        const torch::NoGradGuard no_grad;
        auto to = plain->named_parameters();
        for (const auto& item : net->named_parameters())
            if (torch::Tensor* same = to.find(item.key())) same->copy_(item.value());
        // The shift of both labels is the bias alone.
        net->named_parameters()["zero_of_shift.weight"].zero_();
        net->named_parameters()["zero_of_shift.bias"].copy_(torch::tensor({0.25F, -0.5F}));
    }
    const torch::Tensor z = placed_normals(3, 2, 1), labels = torch::zeros({3}, torch::kInt64);
    for (const auto& [time, size] :
         {std::pair{0.5, 2.0}, std::pair{1.0, 4.0}, std::pair{1.5, 4.5}, std::pair{9.0, 5.0}}) {
        const torch::Tensor shift = static_cast<float>(size) * torch::tensor({0.25F, -0.5F});
        // v of the shifted latent; the latent itself is what sigma multiplies.
        const torch::Tensor expected = plain->forward_at(z + shift, time, labels) - vp_sigma(time) * shift;
        EXPECT_TRUE(torch::allclose(net->forward_at(z, time, labels), expected, 1e-4, 1e-5)) << time;
    }
}

}  // namespace lapatlas
