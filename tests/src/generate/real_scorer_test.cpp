#include "src/generate/real_scorer.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/embed/parameter_init.hpp"
#include "src/generate/cell_plan.hpp"
#include "src/generate/part_store.hpp"

namespace lapatlas {

TEST(RealScorer, TheBestOfEachLabelStay) {
    const std::vector<std::int32_t> labels{0, 1, 0, -1, 1, 0, 1};
    const std::vector<float> scores{0.1F, 0.9F, 0.7F, 0.2F, 0.9F, 0.7F, 0.3F};
    // Two of the first label, one of the second (the earlier of two equal ones), the unlabelled.
    EXPECT_EQ(best_of_labels(labels, scores, std::vector<std::int64_t>{2, 1, 1}),
              (std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1, 0}));
}

TEST(RealScorer, CellsAreDealtByLargestRemainders) {
    EXPECT_EQ(deal_to_labels(std::vector<std::int64_t>{50, 30, 20}, 10),
              (std::vector<std::int64_t>{5, 3, 2}));
    // 3.5, 2.1 and 1.4 of 7.
    EXPECT_EQ(deal_to_labels(std::vector<std::int64_t>{50, 30, 20}, 7), (std::vector<std::int64_t>{4, 2, 1}));
    EXPECT_EQ(deal_to_labels(std::vector<std::int64_t>{0, 3}, 3), (std::vector<std::int64_t>{0, 3}));
}

TEST(RealScorer, SeesLogNormalisedCounts) {
    RealScorer scorer(3, 100.0);
    CountMatrix counts;
    counts.num_genes = 3;
    counts.row_offsets = {0, 0, 2};
    counts.gene_indices = {0, 2};
    counts.values = {1, 3};
    const std::vector<std::int64_t> rows{1, 0};
    const torch::Tensor x = scorer->input(counts, rows);
    EXPECT_NEAR(x[0][0].item<double>(), std::log1p(25), 1e-5);
    EXPECT_NEAR(x[0][2].item<double>(), std::log1p(75), 1e-5);
    EXPECT_EQ(x[1].abs().sum().item<double>(), 0);
    initialise_parameters(*scorer, 1, 0);
    const std::vector<float> scores = real_scores(scorer, counts, torch::kCPU);
    ASSERT_EQ(scores.size(), 2U);
    const torch::Tensor chance = torch::softmax(scorer->forward(x), 1);
    EXPECT_NEAR(scores[1], chance[0][1].item<double>(), 1e-6);
}

TEST(CellPlan, EnlargedRunsAreRoundedUp) {
    const CellPlan plan = CellPlan::from_counts({{2, 8, -1}, {0, 3, -1}});
    EXPECT_EQ(plan.exact_counts(3), (std::vector<std::int64_t>{3, 0, 8, 0}));
    const CellPlan more = plan.enlarged(1.25);
    EXPECT_EQ(more.num_cells(), 14);  // 10 and 4
    EXPECT_EQ(more.condition(1, 9).label, 2);
    EXPECT_EQ(more.condition(1, 10).label, 0);
    const CellPlan drawn = CellPlan::from_frequencies({1, 2}, 10).enlarged(1.25);
    EXPECT_EQ(drawn.num_cells(), 13);
    EXPECT_TRUE(drawn.exact_counts(2).empty());
}

TEST(GeneratedBlock, ChosenCellsKeepWhatTheyHave) {
    GeneratedBlock block;
    block.counts.num_genes = 4;
    block.counts.row_offsets = {0, 1, 3, 3};
    block.counts.gene_indices = {2, 0, 3};
    block.counts.values = {5, 6, 7};
    block.labels = {1, 0, 1};
    block.batches = {-1, -1, -1};
    block.library = {10, 20, 30};
    block.latents = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
    block.scores = {0.5F, 0.6F, 0.7F};
    const GeneratedBlock chosen = chosen_cells(block, std::vector<std::uint8_t>{0, 1, 1});
    EXPECT_EQ(chosen.counts.row_offsets, (std::vector<std::int64_t>{0, 2, 2}));
    EXPECT_EQ(chosen.counts.gene_indices, (std::vector<std::int32_t>{0, 3}));
    EXPECT_EQ(chosen.latents, (std::vector<float>{0.3F, 0.4F, 0.5F, 0.6F}));
    EXPECT_EQ(chosen.scores, (std::vector<float>{0.6F, 0.7F}));
    EXPECT_TRUE(chosen.attempts.empty());
}

}  // namespace lapatlas
