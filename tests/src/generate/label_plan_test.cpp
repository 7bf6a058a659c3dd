#include "src/generate/label_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "dist/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

const std::vector<std::string> kNames{"B cells", "CD4 T cells", "NK"};

std::string message_of(const std::string& text) {
    try {
        parse_label_counts(text, kNames);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

bool mentions(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST(LabelCounts, AreReadFromText) {
    const auto counts = parse_label_counts("NK=20, B cells = 100", kNames);
    ASSERT_EQ(counts.size(), 2u);
    EXPECT_EQ(counts[0].label, 2);
    EXPECT_EQ(counts[0].cells, 20);
    EXPECT_EQ(counts[1].label, 0);
    EXPECT_EQ(counts[1].cells, 100);
}

TEST(LabelCounts, AreReadFromAFile) {
    const testing_support::TemporaryFolder folder(Communicator::self());
    const std::string path = folder / "counts.tsv";
    std::ofstream(path) << "NK\t20\r\n\nCD4 T cells\t3\n";
    const auto counts = parse_label_counts(path, kNames);
    ASSERT_EQ(counts.size(), 2u);
    EXPECT_EQ(counts[0].label, 2);
    EXPECT_EQ(counts[0].cells, 20);
    EXPECT_EQ(counts[1].label, 1);
    EXPECT_EQ(counts[1].cells, 3);
    std::ofstream(path) << "NK\t20\nB cells 7\n";
    EXPECT_TRUE(mentions(message_of(path), "counts.tsv, line 2"));
}

TEST(LabelCounts, MistakesAreNamed) {
    EXPECT_TRUE(mentions(message_of("NK=20,B cell=3"), "'B cell'"));
    EXPECT_TRUE(mentions(message_of("NK=20,B cell=3"), "B cells"));
    EXPECT_TRUE(mentions(message_of("NK=20,NK=3"), "given twice"));
    EXPECT_TRUE(mentions(message_of("NK=two"), "'NK=two'"));
    EXPECT_TRUE(mentions(message_of("NK=-2"), "'NK=-2'"));
    EXPECT_TRUE(mentions(message_of("NK=2.5"), "'NK=2.5'"));
    EXPECT_TRUE(mentions(message_of("NK=2,"), "''"));
    EXPECT_TRUE(mentions(message_of("nowhere.tsv"), "no file has that name"));
    EXPECT_TRUE(mentions(message_of("NK=0"), "no cell"));
    EXPECT_THROW(parse_label_counts("NK=1", {}), ConfigError);
}

TEST(LabelPlan, ExactCountsAreRunsInTheOrderGiven) {
    const LabelPlan plan = LabelPlan::from_counts({{2, 3}, {1, 0}, {0, 2}});
    EXPECT_EQ(plan.num_cells(), 5);
    std::vector<std::int32_t> labels;
    for (std::int64_t cell = 0; cell < 5; ++cell) labels.push_back(plan.label(9, cell));
    EXPECT_EQ(labels, (std::vector<std::int32_t>{2, 2, 2, 0, 0}));
}

TEST(LabelPlan, DrawsTrainingFrequencies) {
    constexpr std::int64_t kCells = 40000;
    const LabelPlan plan = LabelPlan::from_frequencies({100, 0, 700, 200}, kCells);
    std::vector<double> seen(4, 0);
    for (std::int64_t cell = 0; cell < kCells; ++cell)
        seen[static_cast<std::size_t>(plan.label(3, cell))] += 1.0 / kCells;
    const double expected[] = {0.1, 0, 0.7, 0.2};
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(seen[i], expected[i], 5 * std::sqrt(expected[i] * (1 - expected[i]) / kCells));
    EXPECT_EQ(LabelPlan::from_frequencies({0, 0}, 4).label(3, 1), -1);
    EXPECT_EQ(LabelPlan::from_frequencies({}, 4).label(3, 1), -1);
}

TEST(LabelPlan, FollowsTheOptions) {
    const std::vector<std::int64_t> training{5, 5, 5};
    GenerateOptions options;
    EXPECT_EQ(make_label_plan(options, kNames, training, 77).num_cells(), 77);
    options.cells = 12;
    EXPECT_EQ(make_label_plan(options, kNames, training, 77).num_cells(), 12);
    options.guidance = -1;
    EXPECT_EQ(make_label_plan(options, kNames, training, 77).label(0, 3), -1);
    options.counts = "NK=4";
    EXPECT_THROW(make_label_plan(options, kNames, training, 77), ConfigError);
    options.guidance = 0;
    EXPECT_THROW(make_label_plan(options, kNames, training, 77), ConfigError);
    options.cells = 4;
    EXPECT_EQ(make_label_plan(options, kNames, training, 77).label(0, 3), 2);
    options.counts = "";
    options.cells = -1;
    EXPECT_THROW(make_label_plan(options, kNames, training, 77), ConfigError);
}

}  // namespace lapatlas
