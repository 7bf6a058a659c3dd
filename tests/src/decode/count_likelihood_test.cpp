#include "src/decode/count_likelihood.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "src/decode/gamma_terms.hpp"

namespace lapatlas {

TEST(GammaTerms, AgreeWithLgammaForSmallAndLargeCounts) {
    for (const double theta : {0.01, 0.7, 30.0, 5000.0}) {
        for (const double x : {1.0, 2.0, 12.0, 13.0, 400.0}) {
            const GammaTerms terms = gamma_terms(theta, x);
            const double expected = std::lgamma(theta + x) - std::lgamma(theta) - std::lgamma(x + 1);
            EXPECT_NEAR(terms.log_ratio, expected, 1e-9 * (1 + std::abs(std::lgamma(theta + x))));
            double harmonic = 0;
            for (double i = 0; i < x; i += 1) harmonic += 1 / (theta + i);
            EXPECT_NEAR(terms.digamma_difference, harmonic, 1e-9 * (1 + harmonic));
        }
    }
}

TEST(CountLikelihood, OneCellByHand) {
    // Two genes, equal logits, library 10: means 5 and 5; counts 3 and 0.
    const std::int32_t gene = 0;
    const float value = 3;
    const SparseCounts cell{&gene, &value, 1};
    const float library = 10;
    const auto run = [&](bool negative_binomial) {
        std::vector<float> logits{0.3f, 0.3f}, work(2);
        LikelihoodSums sums;
        likelihood_and_gradient({2, negative_binomial, true, {2.0f, 2.0f}}, {&cell, 1}, {&library, 1}, {},
                                1.0f, logits.data(), work.data(), sums);
        return std::pair(sums, logits);
    };
    const auto [poisson, poisson_gradient] = run(false);
    EXPECT_NEAR(poisson.negative_log_likelihood, 10 - 3 * std::log(5.0) + std::log(6.0), 1e-5);
    // d/d logit = g - p sum(g): g = (5 - 3, 5), p = (1/2, 1/2).
    EXPECT_NEAR(poisson_gradient[0], 2 - 3.5, 1e-5);
    EXPECT_NEAR(poisson_gradient[1], 5 - 3.5, 1e-5);
    const auto [binomial, binomial_gradient] = run(true);
    const double zero = 2 * std::log(3.5);  // theta log(1 + mu / theta)
    const double three = 5 * std::log(3.5) - 3 * std::log(2.5) - std::log(2.0 * 3 * 4 / 6);
    EXPECT_NEAR(binomial.negative_log_likelihood, zero + three, 1e-5);
    EXPECT_NEAR(binomial_gradient[0] + binomial_gradient[1], 0, 1e-5) << "softmax ignores a common shift";
}

TEST(CountLikelihood, EmptyCellAndNoCells) {
    const SparseCounts cell{nullptr, nullptr, 0};
    const float library = 0;
    std::vector<float> logits{0.1f, -0.4f}, work(2);
    LikelihoodSums sums;
    likelihood_and_gradient({2, true, true, {1.0f, 1.0f}}, {&cell, 1}, {&library, 1}, {}, 1.0f, logits.data(),
                            work.data(), sums);
    EXPECT_EQ(sums.negative_log_likelihood, 0);
    EXPECT_EQ(logits[0], 0);
    likelihood_and_gradient({2, true, true, {1.0f, 1.0f}}, {}, {}, {}, 1.0f, nullptr, nullptr, sums);
    EXPECT_EQ(sums.dispersion_gradient.size(), 2u);
}

TEST(CountLikelihood, EachCellHasTheDispersionsOfItsRow) {
    const std::int32_t gene = 1;
    const float value = 4;
    const std::vector<SparseCounts> cells(3, SparseCounts{&gene, &value, 1});
    const std::vector<float> library{10, 10, 10};
    const std::vector<std::int32_t> rows{1, 0, 1};
    const auto run = [&](const std::vector<float>& theta, std::span<const std::int32_t> of_cells,
                         std::size_t first, std::size_t count) {
        std::vector<float> logits(2 * count, 0.2f), work(2 * count);
        LikelihoodSums sums;
        likelihood_and_gradient({2, true, true, theta}, std::span(cells).subspan(first, count),
                                std::span(library).subspan(first, count), of_cells, 1.0f, logits.data(),
                                work.data(), sums);
        return sums;
    };
    const LikelihoodSums both = run({1.0f, 2.0f, 5.0f, 0.5f}, rows, 0, 3);
    const LikelihoodSums of_first = run({1.0f, 2.0f}, {}, 1, 1), of_second = run({5.0f, 0.5f}, {}, 0, 1);
    EXPECT_NEAR(both.negative_log_likelihood,
                of_first.negative_log_likelihood + 2 * of_second.negative_log_likelihood, 1e-5);
    for (std::size_t g = 0; g < 2; ++g) {
        EXPECT_NEAR(both.dispersion_gradient[g], of_first.dispersion_gradient[g], 1e-6);
        EXPECT_NEAR(both.dispersion_gradient[2 + g], 2 * of_second.dispersion_gradient[g], 1e-6);
    }
}

}  // namespace lapatlas
