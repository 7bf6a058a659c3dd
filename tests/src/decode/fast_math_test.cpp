#include "src/decode/fast_math.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace lapatlas {

namespace {

double relative_error(float value, double reference) { return std::abs(value / reference - 1); }

}  // namespace

TEST(FastMath, ExpIsAccurateOverItsRange) {
    double worst = 0;
    for (double x = -87; x <= 88; x += 1.7e-4) {
        const auto argument = static_cast<float>(x);
        worst = std::max(worst, relative_error(fast_exp(argument), std::exp(static_cast<double>(argument))));
    }
    EXPECT_LT(worst, 3e-7);
    EXPECT_EQ(fast_exp(0.0f), 1.0f);
    EXPECT_EQ(fast_exp(-1e30f), fast_exp(-87.0f));
    EXPECT_EQ(fast_exp(1e30f), fast_exp(88.0f));
}

TEST(FastMath, LogIsAccurateOverItsRange) {
    double worst = 0;
    for (double exponent = -87; exponent <= 88; exponent += 1.7e-4) {
        const auto argument = static_cast<float>(std::exp(exponent));
        if (argument == 1.0f) continue;
        worst = std::max(worst, relative_error(fast_log(argument), std::log(static_cast<double>(argument))));
    }
    // Around 1, where the result itself goes to 0.
    for (double distance = 1e-7; distance < 0.5; distance *= 1.001) {
        for (const double x : {1 - distance, 1 + distance}) {
            const auto argument = static_cast<float>(x);
            if (argument == 1.0f) continue;
            worst =
                std::max(worst, relative_error(fast_log(argument), std::log(static_cast<double>(argument))));
        }
    }
    EXPECT_LT(worst, 3e-7);
    EXPECT_EQ(fast_log(1.0f), 0.0f);
}

TEST(FastMath, Log1pIsAccurateDownToTinyArguments) {
    double worst = 0;
    for (double exponent = -80; exponent <= 60; exponent += 1e-3) {
        const auto argument = static_cast<float>(std::exp(exponent));
        worst =
            std::max(worst, relative_error(fast_log1p(argument), std::log1p(static_cast<double>(argument))));
    }
    EXPECT_LT(worst, 3e-7);
    EXPECT_EQ(fast_log1p(0.0f), 0.0f);
}

}  // namespace lapatlas
