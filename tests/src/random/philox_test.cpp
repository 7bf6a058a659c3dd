#include "src/random/philox.hpp"

#include <gtest/gtest.h>
#include <cmath>
#include <vector>

#include "src/random/philox_lanes.hpp"

namespace lapatlas {

// Random123's known answers (kat_vectors, philox4x32 10).
TEST(Philox, GivesThePublishedKnownAnswers) {
    using Words = std::array<std::uint32_t, 4>;
    EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    constexpr std::uint32_t kOnes = 0xffffffff;
    EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
              (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, LanesEqualSingleCalls) {
    const PlacedRandom random(0x123456789abcdefull, RandomStream::kCounts);
    for (const std::uint64_t item : {std::uint64_t{0}, std::uint64_t{77}, std::uint64_t{1} << 40}) {
        const PhiloxLanes lanes = philox_lanes(random.key(), item, 3, 48);
        for (std::uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
            const auto words = random.words(item, 3, 48 + lane);
            for (std::size_t j = 0; j < 4; ++j) EXPECT_EQ(lanes[j][lane], words[j]);
        }
    }
}

TEST(Philox, NormalsHaveTheMomentsOfNormals) {
    const PlacedRandom random(5, RandomStream::kLatentNoise);
    constexpr int kCount = 200000;
    std::vector<double> values(kCount);
    random.fill_normals(0, 0, values.data(), kCount);
    double mean = 0, square = 0, fourth = 0;
    for (const double x : values) {
        mean += x / kCount;
        square += x * x / kCount;
        fourth += x * x * x * x / kCount;
    }
    // Five standard errors.
    EXPECT_NEAR(mean, 0, 5 / std::sqrt(kCount));
    EXPECT_NEAR(square, 1, 5 * std::sqrt(2.0 / kCount));
    EXPECT_NEAR(fourth, 3, 5 * std::sqrt(96.0 / kCount));
}

}  // namespace lapatlas
