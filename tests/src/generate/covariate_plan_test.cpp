#include "src/generate/covariate_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// Two labels. Of the first: times 1 and 2, untreated; of the second: time 5, treated; an unlabelled cell
/// at 9.
CovariateTable small_table() {
    const float none = std::nanf("");
    return {.columns = {{"time", {}, 4, 2, 1, 9}, {"treatment", {"no", "yes"}}},
            .values = {1, 0, 2, 0, 5, 1, 9, none},
            .offsets = {0, 2, 3, 4},
            .labels = 2,
            .batches = 0};
}

std::string refusal(const std::string& text) {
    try {
        parse_covariate_settings(text, small_table().columns);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST(CovariatePlan, SettingsAreRead) {
    const auto settings = parse_covariate_settings(" time = 1.5 .. 3,treatment=yes ", small_table().columns);
    ASSERT_EQ(settings.size(), 2U);
    EXPECT_EQ(settings[0].column, 0);
    EXPECT_EQ(settings[0].from, 1.5);
    EXPECT_EQ(settings[0].to, 3);
    EXPECT_EQ(settings[1].from, 1);
    EXPECT_TRUE(parse_covariate_settings("", small_table().columns).empty());
}

TEST(CovariatePlan, WrongSettingsAreNamed) {
    EXPECT_NE(refusal("tme=1").find("no covariate 'tme'"), std::string::npos);
    EXPECT_NE(refusal("tme=1").find("time"), std::string::npos);
    EXPECT_NE(refusal("time=soon").find("'soon' is no number"), std::string::npos);
    EXPECT_NE(refusal("time=1..x").find("'x' is no number"), std::string::npos);
    EXPECT_NE(refusal("treatment=maybe").find("has no 'maybe'"), std::string::npos);
    EXPECT_NE(refusal("treatment=no..yes").find("has no 'no..yes'"), std::string::npos);
    EXPECT_NE(refusal("time=1,time=2").find("set twice"), std::string::npos);
    EXPECT_NE(refusal("time").find("column=value"), std::string::npos);
}

TEST(CovariatePlan, CellsHaveThoseOfATrainingCellOfTheirLabel) {
    const CovariatePlan plan(small_table(), {}, 100);
    std::set<float> times;
    for (std::int64_t cell = 0; cell < 100; ++cell) {
        std::vector<float> values;
        plan.append(3, cell, {0, -1}, values);
        ASSERT_EQ(values.size(), 2U);
        times.insert(values[0]);
        EXPECT_EQ(values[1], 0);
        EXPECT_FALSE(plan.is_extrapolation({0, -1}, values.data()));
        std::vector<float> again;
        plan.append(3, cell, {0, -1}, again);
        EXPECT_EQ(again, values);
    }
    EXPECT_EQ(times, (std::set<float>{1, 2}));
    std::vector<float> of_any;
    for (std::int64_t cell = 0; cell < 100; ++cell) plan.append(3, cell, {-1, -1}, of_any);
    times.clear();
    for (std::size_t i = 0; i < of_any.size(); i += 2) times.insert(of_any[i]);
    EXPECT_EQ(times, (std::set<float>{1, 2, 5, 9}));
}

TEST(CovariatePlan, ARangeGoesFromTheFirstCellToTheLast) {
    const CovariatePlan plan(small_table(), {{0, 2, 4}}, 5);
    for (std::int64_t cell = 0; cell < 5; ++cell) {
        std::vector<float> values;
        plan.append(3, cell, {1, -1}, values);
        EXPECT_FLOAT_EQ(values[0], 2 + 0.5F * static_cast<float>(cell));
        EXPECT_EQ(values[1], 1);
    }
}

TEST(CovariatePlan, WhatNoTrainingCellWasLikeIsAnExtrapolation) {
    const CovariatePlan plan(small_table(), {}, 5);
    const float untreated[] = {3, 0}, treated[] = {3, 1}, late[] = {9.5F, 0}, unknown[] = {3, std::nanf("")};
    EXPECT_FALSE(plan.is_extrapolation({0, -1}, untreated));
    EXPECT_TRUE(plan.is_extrapolation({0, -1}, treated));    // never of this label
    EXPECT_FALSE(plan.is_extrapolation({-1, -1}, treated));  // but of another
    EXPECT_TRUE(plan.is_extrapolation({0, -1}, late));
    EXPECT_TRUE(plan.is_extrapolation({0, -1}, unknown));
    EXPECT_FALSE(plan.is_extrapolation({-1, -1}, unknown));
}

}  // namespace lapatlas
