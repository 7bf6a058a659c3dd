#include "src/decode/count_sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "dist/error.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

struct Row {
    std::vector<std::int32_t> genes;
    std::vector<float> counts;
    bool operator==(const Row&) const = default;
};

Row draw(std::span<const float> log_rates, std::span<const float> dispersions, const CountKey& key,
         float offset = 0) {
    Row row;
    sample_counts_row(log_rates, offset, dispersions, key, row.genes, row.counts);
    return row;
}

/// Written independently of the sampler. dispersion 0: Poisson.
double log_pmf(double k, double mean, double dispersion) {
    if (dispersion == 0) return k * std::log(mean) - mean - std::lgamma(k + 1);
    return std::lgamma(k + dispersion) - std::lgamma(dispersion) - std::lgamma(k + 1) +
           dispersion * std::log(dispersion / (dispersion + mean)) + k * std::log(mean / (dispersion + mean));
}

/// Chi-square statistic of drawn counts against the distribution, as a standard normal deviate
/// (Wilson-Hilferty).
double chi_square_deviate(const std::map<std::int64_t, std::int64_t>& observed, std::int64_t num_draws,
                          double mean, double dispersion) {
    constexpr double kSmallestExpected = 20;
    double statistic = 0, expected = 0, seen = 0, assigned = 0, seen_before = 0;
    int cells = 0;
    const auto n = static_cast<double>(num_draws);
    for (std::int64_t k = 0; n - assigned >= 2 * kSmallestExpected; ++k) {
        expected += n * std::exp(log_pmf(static_cast<double>(k), mean, dispersion));
        const auto found = observed.find(k);
        if (found != observed.end()) seen += static_cast<double>(found->second);
        if (expected < kSmallestExpected || n - assigned - expected < kSmallestExpected) {
            if (n - assigned - expected < kSmallestExpected) break;
            continue;
        }
        statistic += (seen - expected) * (seen - expected) / expected;
        assigned += expected;
        seen_before += seen;
        expected = seen = 0;
        ++cells;
    }
    const double rest = n - assigned, rest_seen = n - seen_before;
    statistic += (rest_seen - rest) * (rest_seen - rest) / rest;
    const double freedom = cells;
    if (freedom == 0) return 0;
    const double spread = 2 / (9 * freedom);
    return (std::cbrt(statistic / freedom) - (1 - spread)) / std::sqrt(spread);
}

constexpr double kMeans[] = {1e-3, 0.02, 0.3, 1, 4.5, 20, 31.9, 32.1, 100, 2000};
constexpr double kDispersions[] = {0, 0.1, 0.9, 1, 3, 30, 1000};  // 0: Poisson

}  // namespace

TEST(CountSampling, DrawsFollowTheirDistribution) {
    constexpr std::int64_t kGenes = 1000, kCells = 25;
    int judged = 0;
    for (const double mean : kMeans) {
        for (const double dispersion : kDispersions) {
            const std::vector<float> log_rates(kGenes, static_cast<float>(std::log(mean)));
            const std::vector<float> theta(dispersion > 0 ? kGenes : 0, static_cast<float>(dispersion));
            std::map<std::int64_t, std::int64_t> observed;
            std::int64_t positive = 0;
            for (std::int64_t cell = 0; cell < kCells; ++cell) {
                for (const float count : draw(log_rates, theta, {11, cell}).counts) {
                    ++observed[static_cast<std::int64_t>(count)];
                    ++positive;
                }
            }
            observed[0] = kGenes * kCells - positive;
            const double deviate = chi_square_deviate(observed, kGenes * kCells, mean, dispersion);
            EXPECT_LT(deviate, 4.5) << "mean " << mean << ", dispersion " << dispersion;
            judged += deviate != 0 ? 1 : 0;
        }
    }
    EXPECT_EQ(judged, 70);
}

// The statistic itself: draws of a 5 % larger mean must not pass.
TEST(CountSampling, ChiSquareTellsAWrongMean) {
    const std::vector<float> log_rates(1000, std::log(4.5f * 1.05f));
    std::map<std::int64_t, std::int64_t> observed{{0, 40000}};
    for (std::int64_t cell = 0; cell < 40; ++cell)
        for (const float count : draw(log_rates, {}, {11, cell}).counts) {
            ++observed[static_cast<std::int64_t>(count)];
            --observed[0];
        }
    EXPECT_GT(chi_square_deviate(observed, 40000, 4.5, 0), 4.5);
}

// Below the mean where the search starts at the mode, P(x >= k) is the length of the u that give k or more.
TEST(CountSampling, InversionBreaksAtTheTailProbabilities) {
    for (const double mean : {1e-6, 0.02, 1.0, 20.0}) {
        for (const double dispersion : {0.0, 0.1, 3.0, 1e4}) {
            for (int k = 1; k <= 30; ++k) {
                double tail = 0;
                for (int j = k + 3000; j >= k; --j) tail += std::exp(log_pmf(j, mean, dispersion));
                if (tail < 1e-9 || tail > 1 - 1e-9) continue;
                const double width = 1e-6 * tail;
                EXPECT_GE(invert_count(tail - width, mean, dispersion), k) << mean << " " << dispersion;
                EXPECT_LT(invert_count(tail + width, mean, dispersion), k) << mean << " " << dispersion;
            }
        }
    }
}

// Every interval of u has the length of its count's probability, also where they are laid out from the mode.
TEST(CountSampling, InversionFromTheModeGivesEveryCountItsProbability) {
    constexpr int kGrid = 200000;
    for (const double mean : {40.0, 150.0}) {
        for (const double dispersion : {0.0, 0.5, 5.0}) {
            std::map<std::int64_t, int> hits;
            for (int i = 0; i < kGrid; ++i) ++hits[invert_count((i + 0.5) / kGrid, mean, dispersion)];
            for (const auto& [k, count] : hits)
                EXPECT_NEAR(count / static_cast<double>(kGrid),
                            std::exp(log_pmf(static_cast<double>(k), mean, dispersion)), 2.1 / kGrid)
                    << mean << " " << dispersion << " " << k;
        }
    }
}

// The vector screening loses no positive count: every gene is inverted here, none skipped.
TEST(CountSampling, EqualsInversionOfEveryGene) {
    constexpr std::size_t kGenes = 3001;
    std::vector<float> log_rates(kGenes), theta(kGenes);
    const PlacedRandom settings(3, RandomStream::kSimulate);
    for (std::size_t g = 0; g < kGenes; ++g) {
        log_rates[g] = static_cast<float>(-12 + 20 * settings.uniform(g));
        theta[g] = static_cast<float>(std::exp(-3 + 15 * settings.uniform(g, 1)));
    }
    const PlacedRandom words(21, RandomStream::kCounts), tails(21, RandomStream::kCountsTail);
    for (const bool dispersed : {false, true}) {
        for (const std::int64_t cell : {std::int64_t{0}, std::int64_t{5}, std::int64_t{1} << 33}) {
            Row expected;
            for (std::uint32_t g = 0; g < kGenes; ++g) {
                const auto word =
                    words.words(static_cast<std::uint64_t>(cell), 0, g / 64 * 16 + g % 16)[g % 64 / 16];
                const auto tail = tails.words(static_cast<std::uint64_t>(cell), 0, g)[0];
                const std::int64_t count =
                    invert_count(uniform_double(word, tail), std::exp(static_cast<double>(log_rates[g])),
                                 dispersed ? static_cast<double>(theta[g]) : 0.0);
                if (count == 0) continue;
                expected.genes.push_back(static_cast<std::int32_t>(g));
                expected.counts.push_back(static_cast<float>(count));
            }
            const auto row = draw(log_rates, dispersed ? theta : std::vector<float>{}, {21, cell});
            EXPECT_GT(row.genes.size(), 500u);
            EXPECT_EQ(row, expected);
        }
    }
}

TEST(CountSampling, ARowDependsOnItsCellAndGenesAlone) {
    std::vector<float> log_rates(333, -0.5f);
    const std::vector<float> theta(333, 2.0f);
    const Row alone = draw(log_rates, theta, {4, 9});
    EXPECT_EQ(draw(log_rates, theta, {4, 9}), alone);
    EXPECT_NE(draw(log_rates, theta, {4, 10}), alone);
    EXPECT_NE(draw(log_rates, theta, {5, 9}), alone);

    // Appended after another row, and as the first 200 genes only.
    Row batch;
    sample_counts_row(log_rates, 0, theta, {4, 8}, batch.genes, batch.counts);
    const std::size_t before = batch.genes.size();
    sample_counts_row(log_rates, 0, theta, {4, 9}, batch.genes, batch.counts);
    EXPECT_TRUE(std::equal(alone.genes.begin(), alone.genes.end(),
                           batch.genes.begin() + static_cast<long>(before), batch.genes.end()));
    EXPECT_TRUE(std::equal(alone.counts.begin(), alone.counts.end(),
                           batch.counts.begin() + static_cast<long>(before), batch.counts.end()));
    const Row head = draw(std::span(log_rates).first(200), std::span(theta).first(200), {4, 9});
    EXPECT_GT(head.genes.size(), 20u);
    EXPECT_TRUE(std::equal(head.genes.begin(), head.genes.end(), alone.genes.begin()));
    EXPECT_TRUE(std::equal(head.counts.begin(), head.counts.end(), alone.counts.begin()));

    // An offset is a factor on every rate.
    const Row scaled = draw(log_rates, theta, {4, 9}, 1.25f);
    for (float& rate : log_rates) rate += 1.25f;
    EXPECT_EQ(draw(log_rates, theta, {4, 9}), scaled);
}

TEST(CountSampling, ZeroAndExtremeRates) {
    constexpr float kZero = -std::numeric_limits<float>::infinity();
    const std::vector<float> none(5000, kZero), tiny(5000, -60.0f);
    EXPECT_TRUE(draw(none, {}, {1, 1}).genes.empty());
    EXPECT_TRUE(draw(tiny, {}, {1, 1}).genes.empty());
    EXPECT_TRUE(draw({}, {}, {1, 1}).genes.empty());
    const std::vector<float> theta(5000, 0.5f);
    EXPECT_TRUE(draw(none, theta, {1, 1}).genes.empty());

    // One certain gene among zeros, at the largest rate: within 6 standard deviations.
    std::vector<float> one(70, kZero);
    one[67] = kLargestLogRate;
    const Row row = draw(one, {}, {1, 1});
    ASSERT_EQ(row.genes, std::vector<std::int32_t>{67});
    const double mean = std::exp(static_cast<double>(kLargestLogRate));
    EXPECT_NEAR(row.counts[0], mean, 6 * std::sqrt(mean));
    EXPECT_EQ(row.counts[0], std::floor(row.counts[0]));

    // The ends of u.
    for (const double mean_of_draw : {1e-8, 1.0, 31.0, 33.0, 5000.0})
        for (const double dispersion : {0.0, 0.2, 50.0})
            for (const double u : {0x1p-54, 1 - 0x1p-53})
                EXPECT_GE(invert_count(u, mean_of_draw, dispersion), 0);
    EXPECT_EQ(invert_count(1 - 0x1p-53, 1.0, 0), 0);
}

TEST(CountSampling, RefusesWhatNoDistributionHas) {
    std::vector<float> log_rates(100, 0.0f), theta(100, 1.0f);
    log_rates[99] = std::numeric_limits<float>::quiet_NaN();
    try {
        draw(log_rates, {}, {1, 17});
        FAIL() << "a NaN rate was drawn from";
    } catch (const InternalError& error) {
        EXPECT_NE(std::string(error.what()).find("cell 17, gene 99"), std::string::npos) << error.what();
    }
    log_rates[99] = kLargestLogRate + 0.5f;
    EXPECT_THROW(draw(log_rates, {}, {1, 17}), InternalError);
    log_rates[99] = 0;
    theta[3] = 0;
    EXPECT_THROW(draw(log_rates, theta, {1, 17}), InternalError);
    theta[3] = std::numeric_limits<float>::infinity();
    EXPECT_THROW(draw(log_rates, theta, {1, 17}), InternalError);
}

TEST(CountSampling, LogSumExp) {
    const std::vector<float> by_hand{std::log(1.0f), std::log(2.0f), std::log(5.0f)};
    EXPECT_NEAR(log_sum_exp(by_hand), std::log(8.0), 1e-6);
    std::vector<float> values;
    double sum = 0;
    const PlacedRandom random(9, RandomStream::kSimulate);
    for (std::uint64_t i = 0; i < 20001; ++i) {
        values.push_back(static_cast<float>(200 + 30 * random.normals(i)[0]));
        sum += std::exp(static_cast<double>(values.back()));
    }
    EXPECT_NEAR(log_sum_exp(values), std::log(sum), 1e-6);
}

}  // namespace lapatlas
