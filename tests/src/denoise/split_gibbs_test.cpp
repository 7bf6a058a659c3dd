#include "src/denoise/split_gibbs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace lapatlas {

TEST(Rho, GoesFromFirstToLast) {
    DenoiseOptions options;
    options.rho = 8;
    options.last_rho = 0.5;
    options.iterations = 5;
    options.rho_schedule = "constant";
    EXPECT_DOUBLE_EQ(rho_at(options, 3), 8);
    options.rho_schedule = "linear";
    EXPECT_DOUBLE_EQ(rho_at(options, 0), 8);
    EXPECT_DOUBLE_EQ(rho_at(options, 2), 4.25);
    EXPECT_DOUBLE_EQ(rho_at(options, 4), 0.5);
    options.rho_schedule = "exponential";
    EXPECT_NEAR(rho_at(options, 1), 4, 1e-12);
    EXPECT_NEAR(rho_at(options, 4), 0.5, 1e-12);
    options.iterations = 1;
    EXPECT_DOUBLE_EQ(rho_at(options, 0), 8);
}

TEST(GaussianLikelihood, IsProposition31) {
    const auto backend = make_cpu_backend(Communicator::self());
    constexpr std::int64_t kRows = 20'000;
    std::vector<std::int64_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    const torch::Tensor projected = torch::full({kRows, 2}, 3.0F), state = torch::full({kRows, 2}, -1.0F);
    const double noise = 0.5, rho = 2;
    const torch::Tensor z =
        gaussian_likelihood(backend, projected, noise)(state, rho, {7, 0, backend->tensor(ids)})
            .to(torch::kFloat64);
    const double variance = 1 / (1 / 0.25 + 1 / 4.0), mean = variance * (3 / 0.25 - 1 / 4.0);
    EXPECT_NEAR(z.mean().item<double>(), mean, 0.01);
    EXPECT_NEAR(z.var().item<double>(), variance, 0.01);
}

/// With a normal prior the sampler's stationary distribution is known: of the prior times N(x; u, noise^2 +
/// rho^2).
TEST(SplitGibbs, SamplesThePosteriorOfAnExactPrior) {
    const auto backend = make_cpu_backend(Communicator::self());
    const DdpmSchedule schedule(1000, 1e-4, 0.02);
    const double tau = 1.4, noise = 0.8;
    DenoiseOptions options;
    options.rho_schedule = "constant";
    options.iterations = 12;
    // A rho whose chain begins at just its noise.
    const std::int64_t first = 400;
    options.rho = std::sqrt((1 - schedule.alpha_bar(first)) / schedule.alpha_bar(first)) * (1 + 1e-6);
    ASSERT_EQ(first_prior_step(schedule, options.rho), first);
    const auto prior = [&](const torch::Tensor& x, std::int64_t t) {
        const double kept = schedule.alpha_bar(t);
        return x * (std::sqrt(1 - kept) / (kept * tau * tau + 1 - kept));
    };
    constexpr std::int64_t kRows = 8000;
    std::vector<std::int64_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    const double observed = 2;
    const torch::Tensor start = torch::full({kRows, 1}, static_cast<float>(observed));
    const auto run = [&](std::span<const std::int64_t> of) {
        const torch::Tensor from = start.narrow(0, 0, std::ssize(of));
        return split_gibbs(*backend, schedule, prior, gaussian_likelihood(backend, from, noise), options,
                           from, of, 11);
    };
    const torch::Tensor all = run(ids);
    const double spread = noise * noise + options.rho * options.rho;
    const double variance = 1 / (1 / (tau * tau) + 1 / spread), mean = variance * observed / spread;
    EXPECT_NEAR(all.mean().item<double>(), mean, 0.04);
    EXPECT_NEAR(all.std().item<double>(), std::sqrt(variance), 0.03);
    // A run is the same in another block.
    const torch::Tensor some = run(std::span(ids).subspan(100, 50));
    EXPECT_TRUE(torch::equal(some, all.narrow(0, 100, 50)));
}

TEST(SplitGibbs, WithoutNoiseEnoughForAStepThePriorIsLeftOut) {
    const auto backend = make_cpu_backend(Communicator::self());
    const DdpmSchedule schedule(512, 1e-4, 0.02);
    DenoiseOptions options;
    options.rho_schedule = "constant";
    options.rho = 1e-3;
    options.iterations = 2;
    const std::vector<std::int64_t> ids{0, 1};
    const torch::Tensor start = torch::tensor({{1.0F}, {-2.0F}});
    const torch::Tensor end = split_gibbs(
        *backend, schedule,
        [](const torch::Tensor& x, std::int64_t) -> torch::Tensor {
            ADD_FAILURE() << "the prior was asked";
            return x;
        },
        gaussian_likelihood(backend, start, 1), options, start, ids, 1);
    EXPECT_TRUE(torch::allclose(end, start, 0, 0.01));
}

}  // namespace lapatlas
