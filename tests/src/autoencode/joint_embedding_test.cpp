#include "src/autoencode/joint_embedding.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "src/embed/parameter_init.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 5, kGenes = 6, kProteins = 3, kLatent = 2;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

JointEmbedding small_model() {
    JointEmbedding model(
        JointOptions{.genes = kGenes, .proteins = kProteins, .batches = 2, .width = 4, .latent = kLatent});
    initialise_parameters(*model, 11, 5);
    model->set_protein_means(torch::tensor({20.0F, 5.0F, 100.0F}));
    model->to(torch::kFloat64);
    return model;
}

/// Counts of genes and proteins; cell 1 lacks all proteins, cell 2 the last.
torch::Tensor small_cells() {
    torch::Tensor x = (torch::arange(kCells * (kGenes + kProteins)) % 7).to(torch::kFloat64);
    x = x.reshape({kCells, kGenes + kProteins});
    x.narrow(1, kGenes, kProteins) *= 9;
    x[1].narrow(0, kGenes, kProteins).fill_(kNaN);
    x[2][kGenes + kProteins - 1] = kNaN;
    return x;
}

CellsOfStep step_of(const torch::Tensor& x) {
    CellsOfStep cells;
    cells.x = x;
    cells.totals = x.narrow(1, 0, kGenes).sum(1);
    cells.batches = torch::arange(x.size(0)) % 2;
    return cells;
}

double log_negative_binomial(double count, double mean, double theta) {
    return std::lgamma(count + theta) - std::lgamma(theta) - std::lgamma(count + 1) +
           theta * std::log(theta / (theta + mean)) + count * std::log(mean / (theta + mean));
}

}  // namespace

TEST(JointEmbedding, ProductsOfExpertsAreThoseOfTheirPrecisions) {
    const auto all = [](double value) { return torch::full({2, 1}, value, torch::kFloat64); };
    const torch::Tensor takes_part = torch::tensor({1.0, 0.0}, torch::kFloat64).unsqueeze(1);
    // Precisions 1, 2 and 4 around 0, 2 and -3; without the last 1 and 2.
    const NormalRows q = product_with_prior({all(2), all(0.5)}, {all(-3), all(0.25)}, takes_part);
    EXPECT_DOUBLE_EQ(q.variance[0].item<double>(), 1.0 / 7);
    EXPECT_DOUBLE_EQ(q.mean[0].item<double>(), -8.0 / 7);
    EXPECT_DOUBLE_EQ(q.variance[1].item<double>(), 1.0 / 3);
    EXPECT_DOUBLE_EQ(q.mean[1].item<double>(), 4.0 / 3);
}

TEST(JointEmbedding, TermsAreThoseOfTheDistributions) {
    JointEmbedding model = small_model();
    model->eval();
    const torch::NoGradGuard no_grad;
    const CellsOfStep cells = step_of(small_cells());
    const torch::Tensor noise =
        torch::linspace(-1, 1, kCells * kLatent, torch::kFloat64).reshape({kCells, kLatent});
    const auto terms = model->terms(cells, noise, torch::ones({kCells, 1}, torch::kFloat64));
    const Posterior q = model->encode(cells.x);
    const torch::Tensor z = q.mean + torch::exp(q.log_variance / 2) * noise;
    const ProteinLaw law = model->protein_law(z, cells.batches);
    for (std::int64_t cell = 0; cell < kCells; ++cell) {
        double proteins = 0, kl = 0;
        for (std::int64_t p = 0; p < kProteins; ++p) {
            const double count = cells.x[cell][kGenes + p].item<double>();
            if (!std::isnan(count))
                proteins -= log_negative_binomial(count, law.rates[cell][p].item<double>(),
                                                  law.dispersion[0][p].item<double>());
        }
        for (std::int64_t k = 0; k < kLatent; ++k) {
            const double mean = q.mean[cell][k].item<double>(),
                         log_variance = q.log_variance[cell][k].item<double>();
            kl += 0.5 * (std::exp(log_variance) + mean * mean - 1 - log_variance);
        }
        EXPECT_NEAR(terms.proteins[cell].item<double>(), proteins, 1e-9 * std::abs(proteins) + 1e-12);
        EXPECT_NEAR(terms.kl[cell].item<double>(), kl, 1e-12);
    }
    EXPECT_TRUE(torch::allclose(terms.genes, -log_likelihood(model->law(z, cells.batches),
                                                             cells.x.narrow(1, 0, kGenes), cells.totals)));
    EXPECT_TRUE(torch::allclose(
        model->errors(cells),
        model->terms(cells, torch::zeros_like(noise), torch::ones({kCells, 1}, torch::kFloat64)).genes +
            model->terms(cells, torch::zeros_like(noise), torch::ones({kCells, 1}, torch::kFloat64))
                .proteins));
}

TEST(JointEmbedding, RatesStartFromTheMeansOfTheProteins) {
    JointEmbedding model = small_model();
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& parameter : model->parameters()) parameter.zero_();
    const ProteinLaw law =
        model->protein_law(torch::ones({1, kLatent}, torch::kFloat64), torch::zeros({1}, torch::kInt64));
    EXPECT_TRUE(torch::allclose(law.rates, torch::tensor({{20.0, 5.0, 100.0}}, torch::kFloat64)));
}

TEST(JointEmbedding, CellsWithoutProteinsArePlacedByTheirGenes) {
    JointEmbedding model = small_model();
    const torch::Tensor x = small_cells();
    torch::Tensor without = x.clone();
    without.narrow(1, kGenes, kProteins).fill_(kNaN);
    const Posterior q = model->encode(x), alone = model->encode(without);
    EXPECT_TRUE(torch::equal(q.mean[1], alone.mean[1]));
    for (const std::int64_t cell : {0, 2, 3, 4}) {
        EXPECT_FALSE(torch::allclose(q.mean[cell], alone.mean[cell])) << cell;
        // What is known in addition narrows.
        EXPECT_TRUE((q.log_variance[cell] < alone.log_variance[cell]).all().item<bool>()) << cell;
    }
    // The same for those that are only not shown.
    model->eval();
    const CellsOfStep cells = step_of(x);
    const torch::Tensor none = torch::zeros({kCells, 1}, torch::kFloat64),
                        noise = torch::zeros({kCells, kLatent}, torch::kFloat64);
    EXPECT_TRUE(
        torch::allclose(model->terms(cells, noise, none).kl, model->terms(step_of(without), noise, none).kl));
}

TEST(JointEmbedding, WhatWasNotMeasuredHasNoGradient) {
    JointEmbedding model = small_model();
    model->eval();
    torch::Tensor x = small_cells();
    x.narrow(1, kGenes + kProteins - 1, 1).fill_(kNaN);  // the last protein in no cell
    const CellsOfStep cells = step_of(x);
    const auto terms = model->terms(cells, torch::ones({kCells, kLatent}, torch::kFloat64),
                                    torch::ones({kCells, 1}, torch::kFloat64));
    (terms.genes + terms.proteins + terms.kl).sum().backward();
    const torch::Tensor bias = model->named_parameters()["log_rate.bias"].grad();
    EXPECT_NE(bias[0].item<double>(), 0);
    EXPECT_EQ(bias[kProteins - 1].item<double>(), 0);
    for (const torch::Tensor& parameter : model->parameters())
        if (parameter.grad().defined()) {
            EXPECT_TRUE(parameter.grad().isfinite().all().item<bool>());
        }
}

TEST(JointEmbedding, ItsProteinDropoutHidesThatShareOfCells) {
    JointEmbedding model = small_model();
    const std::int64_t cells = 4000;
    CellsOfStep step = step_of(small_cells().narrow(0, 0, 1).repeat({cells, 1}));
    step.cells_of_all_ranks = static_cast<double>(cells);
    step.protein_dropout = 0.3;
    step.kl_weight = 0;
    step.sum = sum_over_ranks(Communicator::self());
    torch::manual_seed(3);
    const torch::Tensor noise = torch::cat(
        {torch::zeros({cells, kLatent}, torch::kFloat64), torch::randn({cells, 1}, torch::kFloat64)}, 1);
    step.draws.normals = [&](std::int64_t width) {
        EXPECT_EQ(width, kLatent + 1);
        return noise;
    };
    const torch::NoGradGuard no_grad;
    // All cells are alike: their divergence is one of two, in the shares in which proteins are shown.
    const double mean = model->loss(step).kl.item<double>();
    const auto of = [&](double shown) {
        return model
            ->terms(step, noise.narrow(1, 0, kLatent), torch::full({cells, 1}, shown, torch::kFloat64))
            .kl[0]
            .item<double>();
    };
    const double hidden_share = (mean - of(1)) / (of(0) - of(1));
    EXPECT_NEAR(hidden_share, 0.3, 0.03);
}

}  // namespace lapatlas
