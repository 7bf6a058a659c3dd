#include "src/diffusion/latent_classifier.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/diffusion/vp_sde.hpp"
#include "src/embed/parameter_init.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

using testing_support::placed_normals;

LatentClassifier small_classifier(bool scanvi = false) {
    LatentClassifier classifier(LatentClassifierOptions{3, 4, 16, scanvi});
    initialise_parameters(*classifier, 7, 0);
    if (scanvi) {
        const torch::NoGradGuard no_grad;
        classifier->named_buffers()["norm.running_mean"].copy_(torch::linspace(-0.5, 0.5, 16));
        classifier->named_buffers()["norm.running_variance"].copy_(torch::linspace(0.5, 2, 16));
        classifier->eval();
    }
    return classifier;
}

}  // namespace

class LatentClassifierHeads : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(MlpAndScanvi, LatentClassifierHeads, testing::Bool());

TEST_P(LatentClassifierHeads, GradientIsAutograds) {
    LatentClassifier classifier = small_classifier(GetParam());
    const torch::Tensor z = placed_normals(6, 3, 0).requires_grad_();
    const torch::Tensor labels = torch::tensor({0, 3, -1, 2, 1, -1});
    const double t = 0.4;
    const torch::Tensor log_p = torch::log_softmax(classifier->forward(z, torch::full({1}, t)), 1);
    const torch::Tensor of_labels = log_p.gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1);
    const torch::Tensor expected = torch::autograd::grad({(of_labels * (labels >= 0)).sum()}, {z})[0];
    const torch::Tensor gradient = classifier->log_probability_gradient(z.detach(), t, labels);
    EXPECT_TRUE(torch::allclose(gradient, expected, 1e-4, 1e-6)) << gradient << expected;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-4);
    EXPECT_EQ(gradient[2].abs().max().item<double>(), 0);
}

TEST(LatentClassifier, SeesTheTime) {
    LatentClassifier classifier = small_classifier();
    const torch::Tensor z = placed_normals(2, 3, 1);
    const auto at = [&](double t) { return classifier->forward(z, torch::full({1}, t)); };
    EXPECT_GT((at(0.1) - at(1.0)).abs().max().item<double>(), 1e-3);
    EXPECT_TRUE(torch::allclose(at(0.3), classifier->forward(z, torch::full({2}, 0.3)), 1e-5, 1e-6));
    EXPECT_TRUE(torch::isfinite(at(kShortestTime)).all().item<bool>());
}

TEST(ClassifierGuidance, MovesTheNoiseAgainstTheGradientUntilItsTime) {
    LatentClassifier classifier = small_classifier();
    const torch::Tensor z = placed_normals(4, 3, 2), labels = torch::tensor({0, 1, 2, 3});
    const NoisePredictor zero = [](const at::Tensor& x, double) { return at::zeros_like(x); };
    const NoisePredictor guided = classifier_guided(zero, classifier, labels, 2.5, 1.0);
    EXPECT_TRUE(torch::allclose(
        guided(z, 0.5), classifier->log_probability_gradient(z, 0.5, labels) * (-2.5 * vp_sigma(0.5))));
    EXPECT_EQ(guided(z, 1.5).abs().max().item<double>(), 0);
    EXPECT_EQ(classifier_guided(zero, classifier, labels, 0, 1.0)(z, 0.5).abs().max().item<double>(), 0);
}

}  // namespace lapatlas
