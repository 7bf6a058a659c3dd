#include "src/denoise/label_votes.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "dist/block_range.hpp"
#include "src/denoise/denoise_figures.hpp"

namespace lapatlas {

TEST(LabelVotes, CountLabelledNeighboursOverRepeats) {
    const Communicator comm = Communicator::world();
    // Reference cells on a line at 0, 1, ..., 9: five of label 0, then five of label 1, the last without.
    const std::vector<std::int32_t> labels{0, 0, 0, 0, 0, 1, 1, 1, 1, -1};
    const BlockRange mine = block_of_rank(10, comm.size(), comm.rank());
    std::vector<double> reference;
    for (std::int64_t i = mine.begin; i < mine.end; ++i) reference.push_back(static_cast<double>(i));
    // Every rank asks for two cells of two repeats: one deep in label 0, one between.
    const std::vector<double> latents{1.0, 2.1, 3.1, 6.1};
    const LabelVotes votes = vote_on_labels(comm, latents, 2, reference, 1, labels, 2, 3);
    EXPECT_EQ(votes.probabilities, (std::vector<float>{1, 0, 0.5, 0.5}));
    EXPECT_EQ(votes.best[0], 0);
    EXPECT_FLOAT_EQ(votes.entropy[0], 0);
    EXPECT_FLOAT_EQ(votes.entropy[1], static_cast<float>(std::log(2.0)));
    // Neighbours without a label have no vote.
    const LabelVotes at_end = vote_on_labels(comm, std::vector<double>{9.0}, 1, reference, 1, labels, 2, 2);
    EXPECT_EQ(at_end.probabilities, (std::vector<float>{0, 1}));
    const LabelVotes none = vote_on_labels(comm, std::vector<double>{9.0}, 1, reference, 1, labels, 2, 1);
    EXPECT_EQ(none.best[0], -1);
}

TEST(LabelVotes, ConfidenceSetsAndTheirCalibration) {
    const std::vector<float> probabilities{0.15F, 0.6F, 0.25F};
    EXPECT_EQ(confidence_set(probabilities, 0.5), (std::vector<std::int32_t>{1}));
    EXPECT_EQ(confidence_set(probabilities, 0.8), (std::vector<std::int32_t>{1, 2}));
    EXPECT_EQ(confidence_set(probabilities, 0.95), (std::vector<std::int32_t>{1, 2, 0}));
    LabelVotes votes;
    votes.num_labels = 3;
    votes.probabilities = {0.15F, 0.6F, 0.25F, 0.15F, 0.6F, 0.25F, 1, 0, 0};
    votes.best = {1, 1, 0};
    const std::vector<Calibration> all = calibrate(votes, {1, 2, -1});
    ASSERT_EQ(all.size(), 3U);
    EXPECT_DOUBLE_EQ(all[0].holds, 0.5);
    EXPECT_DOUBLE_EQ(all[1].holds, 1);
    EXPECT_DOUBLE_EQ(all[1].mean_size, 2);
    EXPECT_TRUE(calibrate(votes, {-1, -1, -1}).empty());
}

}  // namespace lapatlas
