#include "src/diffusion/ddpm.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "dist/error.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

at::Tensor normals(std::int64_t rows, std::uint32_t step) {
    const PlacedRandom random(3, RandomStream::kGenerateNoise);
    at::Tensor out = at::empty({rows, 2}, at::kDouble);
    for (std::int64_t i = 0; i < rows; ++i)
        random.fill_normals(static_cast<std::uint64_t>(i), step, out.data_ptr<double>() + 2 * i, 2);
    return out;
}

}  // namespace

TEST(DdpmSchedule, ProductsOfLinearBetas) {
    const DdpmSchedule schedule(4, 0.1, 0.4);
    EXPECT_EQ(schedule.num_steps(), 4);
    EXPECT_DOUBLE_EQ(schedule.beta(3), 0.3);
    EXPECT_DOUBLE_EQ(schedule.alpha_bar(0), 1);
    EXPECT_NEAR(schedule.alpha_bar(4), 0.9 * 0.8 * 0.7 * 0.6, 1e-15);
    EXPECT_EQ(schedule.last_step_above(0.95), 0);
    EXPECT_EQ(schedule.last_step_above(0.75), 1);  // 0.9 is above, 0.72 is not
    EXPECT_EQ(schedule.last_step_above(0.5), 3);   // 0.504
    EXPECT_EQ(schedule.last_step_above(0.1), 4);
    // The schedule of DICE: rho = 20 wants a noise that its last step does not reach.
    const DdpmSchedule published(512, 1e-4, 0.02);
    EXPECT_EQ(published.last_step_above(1 / (1 + 20.0 * 20.0)), 512);
    EXPECT_NEAR(published.alpha_bar(512), 0.0057, 1e-4);
    EXPECT_THROW(DdpmSchedule(1, 0.1, 0.2), ConfigError);
    EXPECT_THROW(DdpmSchedule(10, 0, 0.2), ConfigError);
    EXPECT_THROW(DdpmSchedule(10, 0.3, 0.2), ConfigError);
    EXPECT_THROW(DdpmSchedule(10, 0.1, 1), ConfigError);
}

TEST(AncestralSample, OneStepByHand) {
    const DdpmSchedule schedule(2, 0.1, 0.2);
    const at::Tensor x = at::tensor({1.0, -2.0}, at::kDouble).reshape({1, 2});
    std::vector<std::int64_t> asked;
    const at::Tensor out = ancestral_sample(
        schedule,
        [&](const at::Tensor& at_step, std::int64_t step) {
            asked.push_back(step);
            return at::full_like(at_step, 0.5);
        },
        x, 2,
        [](std::int64_t) {
            return at::ones({1, 2}, at::kDouble);
        });
    EXPECT_EQ(asked, (std::vector<std::int64_t>{2, 1}));
    const double after_two = (1 - 0.2 * 0.5 / std::sqrt(1 - 0.9 * 0.8)) / std::sqrt(0.8) + std::sqrt(0.2);
    const double after_one = (after_two - 0.1 * 0.5 / std::sqrt(0.1)) / std::sqrt(0.9);
    EXPECT_NEAR(out[0][0].item<double>(), after_one, 1e-14);
}

TEST(AncestralSample, ReachesTheDataOfAnExactPredictor) {
    // Of data N(m, s^2) the noise in x_t is known.
    const double m = 1.5, s = 0.7;
    const DdpmSchedule schedule(1000, 1e-4, 0.02);
    const auto predict = [&](const at::Tensor& x, std::int64_t t) {
        const double kept = schedule.alpha_bar(t);
        return (x - std::sqrt(kept) * m) * (std::sqrt(1 - kept) / (kept * s * s + 1 - kept));
    };
    constexpr std::int64_t kRows = 20'000;
    const at::Tensor out =
        ancestral_sample(schedule, predict, normals(kRows, 5000), 1000,
                         [&](std::int64_t step) { return normals(kRows, static_cast<std::uint32_t>(step)); });
    EXPECT_NEAR(out.mean().item<double>(), m, 0.02);
    EXPECT_NEAR(out.std().item<double>(), s, 0.02);
}

/// Of x_0 given x_t, with data from two normal distributions, everything is known.
TEST(FastSample, SamplesWhatIsLeftUncertain) {
    const DdpmSchedule schedule(512, 1e-4, 0.02);
    const double centre = 2, s = 0.4, x_t = 0.3;
    const std::int64_t first = 300;
    struct Part {
        double weight, mean, variance;
    };
    const auto parts = [&](double x, std::int64_t t) {
        const double kept = schedule.alpha_bar(t), spread = kept * s * s + 1 - kept;
        std::vector<Part> both;
        for (const double m : {-centre, centre}) {
            const double apart = x - std::sqrt(kept) * m;
            both.push_back({std::exp(-apart * apart / (2 * spread)),
                            m + std::sqrt(kept) * s * s / spread * apart, s * s * (1 - kept) / spread});
        }
        return both;
    };
    std::int64_t evaluations = 0;
    const auto predict = [&](const at::Tensor& x, std::int64_t t) {
        ++evaluations;
        at::Tensor noise = at::empty_like(x);
        const double kept = schedule.alpha_bar(t);
        for (std::int64_t i = 0; i < x.numel(); ++i) {
            const double value = x.const_data_ptr<double>()[i];
            const std::vector<Part> both = parts(value, t);
            const double mean = (both[0].weight * both[0].mean + both[1].weight * both[1].mean) /
                                (both[0].weight + both[1].weight);
            noise.data_ptr<double>()[i] = (value - std::sqrt(kept) * mean) / std::sqrt(1 - kept);
        }
        return noise;
    };
    constexpr std::int64_t kRows = 10'000;
    const at::Tensor out =
        fast_sample(schedule, predict, at::full({kRows, 2}, x_t, at::kDouble), first, 20,
                    [&](std::int64_t step) { return normals(kRows, static_cast<std::uint32_t>(step)); });
    EXPECT_EQ(evaluations, 20);
    const std::vector<Part> truth = parts(x_t, first);
    const double upper = truth[1].weight / (truth[0].weight + truth[1].weight);
    EXPECT_NEAR((out > 0).to(at::kDouble).mean().item<double>(), upper, 0.02);
    const at::Tensor above = out.masked_select(out > 0);
    EXPECT_NEAR(above.mean().item<double>(), truth[1].mean, 0.03);
    EXPECT_NEAR(above.std().item<double>(), std::sqrt(truth[1].variance), 0.03);
}

TEST(FastSample, IsTheAncestralChainWhereThatIsNoLonger) {
    const DdpmSchedule schedule(512, 1e-4, 0.02);
    const auto predict = [](const at::Tensor& x, std::int64_t t) {
        return x * (1.0 / static_cast<double>(t));
    };
    const auto noise = [](std::int64_t step) { return normals(50, static_cast<std::uint32_t>(step)); };
    const at::Tensor x = normals(50, 999);
    EXPECT_TRUE(at::equal(fast_sample(schedule, predict, x, 12, 12, noise),
                          ancestral_sample(schedule, predict, x, 12, noise)));
}

}  // namespace lapatlas
