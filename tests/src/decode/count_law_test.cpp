#include "src/decode/count_law.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

namespace lapatlas {

namespace {

/// Two genes: rates 2 and 6 of a cell with 8 counts.
CountLaw two_genes(const torch::Tensor& dispersion, const torch::Tensor& zero_logits) {
    return {torch::log(torch::tensor({{1.0, 3.0}}, torch::kFloat64)), dispersion, zero_logits};
}

double likelihood_of(const CountLaw& law, double first, double second) {
    return log_likelihood(law, torch::tensor({{first, second}}, torch::kFloat64),
                          torch::tensor({8.0}, torch::kFloat64))
        .item<double>();
}

double negative_binomial(double x, double rate, double theta) {
    return std::lgamma(x + theta) - std::lgamma(theta) - std::lgamma(x + 1) +
           theta * std::log(theta / (theta + rate)) + x * std::log(rate / (theta + rate));
}

}  // namespace

TEST(CountLaw, PoissonByHand) {
    // exp(-2) 2^3 / 3! and exp(-6).
    EXPECT_NEAR(likelihood_of(two_genes({}, {}), 3, 0), -2 + 3 * std::log(2) - std::log(6) - 6, 1e-12);
    const torch::Tensor rates = expected_rates(two_genes({}, {}), torch::tensor({8.0}, torch::kFloat64));
    EXPECT_TRUE(torch::allclose(rates, torch::tensor({{2.0, 6.0}}, torch::kFloat64)));
}

TEST(CountLaw, NegativeBinomialByHand) {
    const CountLaw law = two_genes(torch::tensor({{0.5, 4.0}}, torch::kFloat64), {});
    EXPECT_NEAR(likelihood_of(law, 3, 0), negative_binomial(3, 2, 0.5) + negative_binomial(0, 6, 4), 1e-12);
}

TEST(CountLaw, AnExcessOfZerosIsOneOfTwoWaysToZero) {
    // An excess zero with chances 1/4 and 1/2.
    const torch::Tensor odds = torch::tensor({{-std::log(3.0), 0.0}}, torch::kFloat64);
    const CountLaw law = two_genes(torch::tensor({{0.5, 4.0}}, torch::kFloat64), odds);
    EXPECT_NEAR(likelihood_of(law, 3, 0),
                std::log(0.75) + negative_binomial(3, 2, 0.5) +
                    std::log(0.5 + 0.5 * std::exp(negative_binomial(0, 6, 4))),
                1e-12);
    // All counts of the first gene together are certain.
    double total = 0;
    for (int x = 0; x < 400; ++x) total += std::exp(likelihood_of(law, x, 5) - likelihood_of(law, 0, 5));
    const double of_zero = std::log(0.25 + 0.75 * std::exp(negative_binomial(0, 2, 0.5)));
    EXPECT_NEAR(total * std::exp(of_zero), 1, 1e-9);
}

TEST(CountLaw, HasGradientsWhereARateIsNothing) {
    const torch::Tensor logits = torch::tensor({{0.0F, -200.0F}}).requires_grad_();
    const CountLaw law{logits, torch::full({1, 2}, 2.0F), torch::zeros({1, 2})};
    log_likelihood(law, torch::tensor({{5.0F, 0.0F}}), torch::tensor({5.0F})).sum().backward();
    EXPECT_TRUE(torch::isfinite(logits.grad()).all().item<bool>());
}

}  // namespace lapatlas
