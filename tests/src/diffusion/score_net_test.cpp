#include "src/diffusion/score_net.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/diffusion/cell_unet.hpp"
#include "src/diffusion/solvers.hpp"
#include "src/diffusion/vp_sde.hpp"
#include "src/embed/parameter_init.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

ScoreNet small_net(std::int64_t latent = 3, std::int64_t num_labels = 2,
                   const std::vector<std::int64_t>& unet_widths = {}) {
    ScoreNet net(
        ScoreNetOptions{.latent = latent,
                        .num_labels = num_labels,
                        .width = 32,
                        .blocks = 2,
                        .network = unet_widths.empty() ? ScoreNetwork::kMlp : ScoreNetwork::kCellUnet,
                        .unet_widths = unet_widths});
    initialise_parameters(*net, 7, 0);
    return net;
}

using testing_support::placed_normals;

void wake_output(ScoreNet& net) {
    const torch::NoGradGuard no_gradient;
    const auto named = net->named_parameters();
    auto weight = *(named.contains("zero_output.weight") ? named.find("zero_output.weight")
                                                         : named.find("trunk.zero_output.weight"));
    weight.copy_(placed_normals(weight.size(0), weight.size(1), 99));
}

/// Each of the networks that a ScoreNet may be inside.
class ScoreNets : public testing::TestWithParam<std::vector<std::int64_t>> {
  protected:
    static ScoreNet made() { return small_net(3, 2, GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Networks, ScoreNets,
                         testing::Values(std::vector<std::int64_t>{}, std::vector<std::int64_t>{24, 16, 8}),
                         [](const auto& of) { return std::string(of.param.empty() ? "Mlp" : "CellUnet"); });

}  // namespace

TEST_P(ScoreNets, StartsAsTheBestPredictorOfStandardNormals) {
    ScoreNet net = made();
    const torch::Tensor z = placed_normals(5, 3, 0);
    const auto eps = net->forward(z, torch::full({5}, 0.5), torch::tensor({0, 1, 2, -1, 0}));
    EXPECT_EQ(eps.sizes(), (std::vector<std::int64_t>{5, 3}));
    EXPECT_TRUE(torch::allclose(eps, vp_sigma(0.5) * z));
}

TEST_P(ScoreNets, SeesLabelTimeAndLatent) {
    ScoreNet net = made();
    wake_output(net);
    const auto at_label = [&](std::int64_t label, double t, double z) {
        return net->forward(torch::full({1, 3}, z), torch::full({1}, t),
                            torch::full({1}, label, torch::kLong));
    };
    const auto base = at_label(0, 0.5, 1);
    EXPECT_TRUE(torch::equal(base, at_label(0, 0.5, 1)));
    EXPECT_GT((base - at_label(1, 0.5, 1)).abs().max().item<double>(), 1e-3);
    EXPECT_GT((base - at_label(0, 0.6, 1)).abs().max().item<double>(), 1e-3);
    EXPECT_GT((base - at_label(0, 0.5, 2)).abs().max().item<double>(), 1e-3);
    // An unlabelled cell is one of the null label.
    EXPECT_EQ(net->null_label(), 2);
    EXPECT_TRUE(torch::equal(at_label(-1, 0.5, 1), at_label(2, 0.5, 1)));
    EXPECT_GT((base - at_label(2, 0.5, 1)).abs().max().item<double>(), 1e-3);
    // One time for all is the same function.
    const torch::Tensor z = placed_normals(6, 3, 4), labels = torch::tensor({0, 1, 2, -1, 0, 1});
    EXPECT_TRUE(torch::allclose(net->forward_at(z, 0.3, labels),
                                net->forward(z, torch::full({6}, 0.3), labels), 1e-5, 1e-6));
    // Finite at both ends of time.
    EXPECT_TRUE(torch::isfinite(at_label(0, kShortestTime, 1)).all().item<bool>());
    EXPECT_TRUE(torch::isfinite(at_label(0, 20, 1)).all().item<bool>());
}

TEST_P(ScoreNets, EveryParameterIsReachedByTheGradient) {
    ScoreNet net = made();
    wake_output(net);
    const auto eps =
        net->forward(placed_normals(6, 3, 0), torch::full({6}, 0.5), torch::tensor({0, 1, 2, 0, 1, 2}));
    (eps - placed_normals(6, 3, 1)).square().mean().backward();
    for (const auto& item : net->named_parameters()) {
        ASSERT_TRUE(item.value().grad().defined()) << item.key();
        EXPECT_GT(item.value().grad().abs().max().item<double>(), 0) << item.key();
    }
}

// Trained by the denoising loss on two labelled Gaussians and sampled: each label gives its own, the null
// label both.
TEST(ScoreNet, LearnsLabelledGaussiansAndTheirMixture) {
    constexpr std::int64_t kBatch = 256, kSamples = 2000;
    constexpr double kMean = 1.2, kSpread = 0.5;
    ScoreNet net = small_net(2);
    torch::optim::Adam optimiser(net->parameters(), torch::optim::AdamOptions(2e-3));
    const PlacedRandom uniforms(17, RandomStream::kDiffusionTime);
    for (std::uint32_t step = 0; step < 800; ++step) {
        torch::Tensor labels = torch::arange(kBatch) % 2;
        const torch::Tensor centre = (labels.to(torch::kFloat) * 2 - 1).unsqueeze(1) * kMean;
        const torch::Tensor z0 = centre + kSpread * placed_normals(kBatch, 2, 2 * step);
        const torch::Tensor eps = placed_normals(kBatch, 2, 2 * step + 1);
        torch::Tensor t = torch::empty({kBatch}), alpha = torch::empty({kBatch}),
                      sigma = torch::empty({kBatch});
        for (std::int64_t i = 0; i < kBatch; ++i) {
            const double time = training_time(uniforms.uniform(static_cast<std::uint64_t>(i), step),
                                              TrainingTimes::kLogSnr, 5);
            t.data_ptr<float>()[i] = static_cast<float>(time);
            alpha.data_ptr<float>()[i] = static_cast<float>(vp_alpha(time));
            sigma.data_ptr<float>()[i] = static_cast<float>(vp_sigma(time));
            if (uniforms.uniform(static_cast<std::uint64_t>(i), step, 1) < 0.3)
                labels.data_ptr<std::int64_t>()[i] = -1;
        }
        const torch::Tensor z = alpha.unsqueeze(1) * z0 + sigma.unsqueeze(1) * eps;
        optimiser.zero_grad();
        (net->forward(z, t, labels) - eps).square().mean().backward();
        optimiser.step();
    }
    const torch::NoGradGuard no_gradient;
    const auto sample = [&](std::int64_t label) {
        const NoisePredictor predict = [&](const torch::Tensor& z, double t) {
            return net->forward_at(z, t, torch::full({z.size(0)}, label, torch::kLong));
        };
        return solve(Solver::kDpmpp2m, predict, placed_normals(kSamples, 2, 5000), 20,
                     ForwardProcess::continuous(5), {});
    };
    for (const std::int64_t label : {0, 1}) {
        const torch::Tensor z = sample(label);
        const double centre = label == 0 ? -kMean : kMean;
        EXPECT_LT((z.mean(0) - centre).abs().max().item<double>(), 0.15);
        EXPECT_LT((z.std(0) - kSpread).abs().max().item<double>(), 0.12);
    }
    const torch::Tensor both = sample(-1);
    EXPECT_LT((both.std(0) - std::hypot(kMean, kSpread)).abs().max().item<double>(), 0.2);
    EXPECT_NEAR(both.sum(1).gt(0).to(torch::kFloat).mean().item<double>(), 0.5, 0.12);
}

// Two layers down and up by hand: x -> Linear -> SiLU(Norm(Linear + condition)) -> the same back, plus x.
TEST(CellUnet, ByHand) {
    CellUnet net(2, 3, std::vector<std::int64_t>{4, 2});
    initialise_parameters(*net, 5, 0);
    const torch::NoGradGuard no_gradient;
    auto named = net->named_parameters();
    named["zero_output.weight"].copy_(placed_normals(2, 4, 1));
    const torch::Tensor z = placed_normals(5, 2, 2), condition = placed_normals(3, 3, 3);
    const torch::Tensor rows = torch::tensor({0, 2, 1, 1, 0});
    const auto linear = [&](const std::string& name, const torch::Tensor& x) {
        return torch::linear(x, named[name + ".weight"], named[name + ".bias"]);
    };
    const auto layer = [&](const std::string& name, const torch::Tensor& x, std::int64_t width) {
        const torch::Tensor sum =
            linear(name + ".linear", x) + linear(name + ".of_condition", condition.index_select(0, rows));
        return torch::silu(torch::layer_norm(sum, {width}));
    };
    const torch::Tensor h = linear("input", z);
    const torch::Tensor expected =
        linear("zero_output", layer("widening.0", layer("narrowing.0", h, 2), 4) + h);
    EXPECT_TRUE(torch::allclose(net->velocity(z, {condition, {}, {}, rows}, {}), expected, 1e-5, 1e-6));
    EXPECT_TRUE(torch::allclose(net->velocity(z, {condition.index_select(0, rows), {}, {}, {}}, {}), expected,
                                1e-5, 1e-6));
}

}  // namespace lapatlas
