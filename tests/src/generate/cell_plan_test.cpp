#include "src/generate/cell_plan.hpp"

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

TEST(CellPlan, ExactCountsAreRunsInTheOrderGiven) {
    const CellPlan plan = CellPlan::from_counts({{2, 3}, {1, 0}, {0, 2}});
    EXPECT_EQ(plan.num_cells(), 5);
    std::vector<std::int32_t> labels;
    for (std::int64_t cell = 0; cell < 5; ++cell) labels.push_back(plan.condition(9, cell).label);
    EXPECT_EQ(labels, (std::vector<std::int32_t>{2, 2, 2, 0, 0}));
}

TEST(CellPlan, DrawsTrainingFrequencies) {
    constexpr std::int64_t kCells = 40000;
    const CellPlan plan = CellPlan::from_frequencies({100, 0, 700, 200}, kCells);
    std::vector<double> seen(4, 0);
    for (std::int64_t cell = 0; cell < kCells; ++cell)
        seen[static_cast<std::size_t>(plan.condition(3, cell).label)] += 1.0 / kCells;
    const double expected[] = {0.1, 0, 0.7, 0.2};
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(seen[i], expected[i], 5 * std::sqrt(expected[i] * (1 - expected[i]) / kCells));
    EXPECT_EQ(CellPlan::from_frequencies({0, 0}, 4).condition(3, 1).label, -1);
    EXPECT_EQ(CellPlan::from_frequencies({}, 4).condition(3, 1).label, -1);
}

TEST(CellPlan, FollowsTheOptions) {
    const KnownConditions training{kNames, {}, {5, 5, 5, 0}};
    GenerateOptions options;
    EXPECT_EQ(make_cell_plan(options, {}, training, 77).num_cells(), 77);
    options.cells = 12;
    EXPECT_EQ(make_cell_plan(options, {}, training, 77).num_cells(), 12);
    options.guidance = -1;
    EXPECT_EQ(make_cell_plan(options, {}, training, 77).condition(0, 3).label, -1);
    options.counts = "NK=4";
    EXPECT_THROW(make_cell_plan(options, {}, training, 77), ConfigError);
    options.guidance = 0;
    EXPECT_THROW(make_cell_plan(options, {}, training, 77), ConfigError);
    options.cells = 4;
    EXPECT_EQ(make_cell_plan(options, {}, training, 77).condition(0, 3).label, 2);
    options.counts = "";
    options.cells = -1;
    EXPECT_THROW(make_cell_plan(options, {}, training, 77), ConfigError);
}

namespace {

/// Three labels in two batches; the last row are cells without a label.
const KnownConditions kTwoBatches{kNames, {"v1", "v2"}, {30, 10, 0, 50, 0, 0, 4, 6}};

}  // namespace

TEST(CellPlan, BatchesFollowTheLabel) {
    constexpr std::int64_t kCells = 40000;
    const CellPlan plan = make_cell_plan({}, {}, kTwoBatches, kCells);
    double of_first[2] = {0, 0};
    for (std::int64_t cell = 0; cell < kCells; ++cell) {
        const Condition condition = plan.condition(3, cell);
        ASSERT_GE(condition.batch, 0);
        ASSERT_NE(condition.label, 2);  // seen in no training cell
        if (condition.label == 1)
            EXPECT_EQ(condition.batch, 1);
        else
            ++of_first[condition.batch];
    }
    const double cells = of_first[0] + of_first[1];
    EXPECT_NEAR(cells / kCells, 40.0 / 90, 0.015);
    EXPECT_NEAR(of_first[0] / cells, 0.75, 0.02);
}

TEST(CellPlan, OneBatchForAll) {
    GenerateOptions options;
    options.batch = "v1";
    // Labels as that batch has them: the first only.
    const CellPlan plan = make_cell_plan(options, {}, kTwoBatches, 50);
    for (std::int64_t cell = 0; cell < 50; ++cell) {
        EXPECT_EQ(plan.condition(3, cell).label, 0);
        EXPECT_EQ(plan.condition(3, cell).batch, 0);
    }
    // Asked for, a type is made in a batch where it was never seen.
    options.counts = "NK=2";
    EXPECT_EQ(make_cell_plan(options, {}, kTwoBatches, 50).condition(3, 1).label, 2);
    EXPECT_EQ(make_cell_plan(options, {}, kTwoBatches, 50).condition(3, 1).batch, 0);
    options.batch = "v3";
    EXPECT_THROW(make_cell_plan(options, {}, kTwoBatches, 50), ConfigError);
    EXPECT_THROW(make_cell_plan(options, {}, {kNames, {}, {1, 1, 1, 0}}, 50), ConfigError);
}

TEST(CellPlan, UnconditionalCellsHaveABatchAllTheSame) {
    GenerateOptions options;
    options.guidance = -1;
    const CellPlan plan = make_cell_plan(options, {}, kTwoBatches, 1000);
    int second = 0;
    for (std::int64_t cell = 0; cell < 1000; ++cell) {
        EXPECT_EQ(plan.condition(3, cell).label, -1);
        second += plan.condition(3, cell).batch;
    }
    EXPECT_NEAR(second, 660, 75);
}

}  // namespace lapatlas
