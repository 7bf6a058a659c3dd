#include "src/diffusion/vp_sde.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "dist/error.hpp"

namespace lapatlas {

TEST(VpSde, ValuesByHand) {
    // alpha = 1/2: sigma^2 = 3/4, lambda = log(1 / sqrt 3).
    const double t = std::log(2.0);
    EXPECT_DOUBLE_EQ(vp_alpha(t), 0.5);
    EXPECT_DOUBLE_EQ(vp_sigma(t), std::sqrt(0.75));
    EXPECT_NEAR(vp_log_snr(t), -0.5 * std::log(3.0), 1e-15);
    EXPECT_NEAR(vp_time(-0.5 * std::log(3.0)), t, 1e-15);
    // Small t: sigma^2 = 2t - 2t^2 + ...
    EXPECT_NEAR(vp_sigma(1e-10) / std::sqrt(2e-10), 1, 1e-9);
}

TEST(VpSde, TimeInvertsLogSnr) {
    for (const double t : {1e-6, 1e-3, 0.1, 1.0, 5.0, 50.0, 300.0}) {
        EXPECT_NEAR(vp_time(vp_log_snr(t)) / t, 1, 1e-12);
        EXPECT_NEAR(vp_log_snr(t), std::log(vp_alpha(t) / vp_sigma(t)), 1e-9);
    }
}

TEST(VpSde, TrainingTimesCoverTheirRangeUniformly) {
    EXPECT_NEAR(training_time(0, TrainingTimes::kLogSnr, 5), 5, 1e-12);
    EXPECT_NEAR(training_time(1, TrainingTimes::kLogSnr, 5), kShortestTime, 1e-12);
    EXPECT_NEAR(vp_log_snr(training_time(0.25, TrainingTimes::kLogSnr, 5)),
                0.75 * vp_log_snr(5) + 0.25 * vp_log_snr(kShortestTime), 1e-12);
    EXPECT_EQ(training_time(0, TrainingTimes::kUniform, 5), kShortestTime);
    EXPECT_EQ(training_time(1, TrainingTimes::kUniform, 5), 5);
    EXPECT_NEAR(training_time(0.5, TrainingTimes::kUniform, 5), 2.5005, 1e-12);
    EXPECT_EQ(training_times_from_name("log_snr"), TrainingTimes::kLogSnr);
    EXPECT_EQ(training_times_from_name("uniform_t"), TrainingTimes::kUniform);
    EXPECT_THROW(training_times_from_name("uniform"), ConfigError);
}

TEST(VpSde, SolverTimesFallFromTheEndToZero) {
    const auto times = solver_times(20, 5);
    ASSERT_EQ(times.size(), 21u);
    EXPECT_EQ(times.front(), 5);
    EXPECT_NEAR(times[19], kShortestTime, 1e-12);
    EXPECT_EQ(times.back(), 0);
    const double h = vp_log_snr(times[1]) - vp_log_snr(times[0]);
    for (std::size_t i = 1; i < 20; ++i)
        EXPECT_NEAR(vp_log_snr(times[i]) - vp_log_snr(times[i - 1]), h, 1e-9);
    EXPECT_EQ(solver_times(1, 5), (std::vector<double>{5, 0}));
    EXPECT_THROW(solver_times(0, 5), ConfigError);
    EXPECT_THROW(solver_times(20, 1e-3), ConfigError);
}

}  // namespace lapatlas
