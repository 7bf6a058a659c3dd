#include "src/diffusion/covariate_embedding.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/diffusion/score_net.hpp"
#include "src/embed/parameter_init.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

using testing_support::placed_normals;

CovariateEmbedding time_and_treatment() {
    CovariateEmbedding embedding(std::vector<CovariateOptions>{{0, 10, 2}, {3, 0, 1}}, 4);
    initialise_parameters(*embedding, 5, 0);
    const torch::NoGradGuard no_grad;
    embedding->named_parameters()["missing_0"].copy_(torch::tensor({1.0F, 2.0F, 3.0F, 4.0F}));
    return embedding;
}

}  // namespace

TEST(CovariateEmbedding, AddsWhatEachColumnSays) {
    CovariateEmbedding embedding = time_and_treatment();
    const auto weights = embedding->named_parameters();
    const torch::Tensor found = embedding->forward(torch::tensor({{12.0F, 2.0F}}));
    // (12 - 10) / 2 = 1 through two layers, and the third category's row.
    const torch::Tensor hidden = torch::silu(weights["columns.0.0.weight"].t() + weights["columns.0.0.bias"]);
    const torch::Tensor expected = torch::mm(hidden, weights["columns.0.2.weight"].t()) +
                                   weights["columns.0.2.bias"] + weights["columns.1.weight"][2];
    EXPECT_TRUE(torch::allclose(found, expected, 1e-5, 1e-6));
}

TEST(CovariateEmbedding, MissingValuesHaveVectorsOfTheirOwn) {
    CovariateEmbedding embedding = time_and_treatment();
    const float none = std::nanf("");
    const torch::Tensor found = embedding->forward(torch::tensor({{none, none}, {12.0F, none}}));
    const torch::Tensor of_none = embedding->named_parameters()["columns.1.weight"][3];
    EXPECT_TRUE(torch::allclose(found[0], torch::tensor({1.0F, 2.0F, 3.0F, 4.0F}) + of_none));
    found.sum().backward();
    for (const auto& parameter : embedding->named_parameters())
        EXPECT_TRUE(torch::isfinite(parameter.value().grad()).all().item<bool>()) << parameter.key();
}

TEST(CovariateEmbedding, TheScoreNetHearsThemInTrainingAndSampling) {
    ScoreNetOptions options{.latent = 3, .num_labels = 2, .width = 16, .blocks = 1};
    options.covariates = {{0, 0, 1}, {2, 0, 1}};
    ScoreNet net(options);
    initialise_parameters(*net, 3, 0);
    {
        const torch::NoGradGuard no_grad;
        net->named_parameters()["zero_output.weight"].copy_(0.3 * placed_normals(3, 16, 0));
    }
    const torch::Tensor z = placed_normals(40, 3, 1), labels = torch::arange(40) % 2;
    const torch::Tensor covariates =
        torch::stack({torch::linspace(-1, 1, 40), (torch::arange(40) % 2).to(torch::kFloat)}, 1);
    const torch::Tensor each = net->forward(z, torch::full({40}, 0.7), labels, {}, {}, covariates);
    EXPECT_TRUE(torch::allclose(each, net->forward_at(z, 0.7, labels, {}, covariates), 1e-5, 1e-6));
    EXPECT_GT((each - net->forward_at(z, 0.7, labels, {}, covariates + 0.5)).abs().max().item<double>(),
              1e-3);
}

}  // namespace lapatlas
