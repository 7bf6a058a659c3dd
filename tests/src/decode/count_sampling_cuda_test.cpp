// The GPU's draws against the CPU's for the same cells: the same Philox words, so the same counts. On a
// machine without a GPU the kernels run on the host, thread by thread.
#include "src/decode/count_sampling_cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "src/decode/count_sampling.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

constexpr std::uint64_t kSeed = 5;
constexpr std::int64_t kFirstCell = (std::int64_t{1} << 33) + 12;

struct Rows {
    std::vector<std::int64_t> offsets{0};
    std::vector<std::int32_t> genes;
    std::vector<float> counts;
};

/// Log rates from rare genes to some with a mean of hundreds.
std::vector<float> random_rates(std::int64_t cells, std::int64_t genes, float mean) {
    std::mt19937 random(1);
    std::normal_distribution<float> rate(mean, 2.5f);
    std::vector<float> rates(static_cast<std::size_t>(cells * genes));
    for (float& r : rates) r = rate(random);
    return rates;
}

void check(std::int64_t cells, std::int64_t genes, float mean_rate, std::int32_t dispersion_rows) {
    SCOPED_TRACE(std::to_string(cells) + " cells, " + std::to_string(genes) + " genes, dispersion rows " +
                 std::to_string(dispersion_rows));
    const std::vector<float> rates = random_rates(cells, genes, mean_rate);
    std::vector<float> theta, offsets;
    std::vector<std::int32_t> row_of_cell;
    std::mt19937 random(2);
    std::uniform_real_distribution<float> log_theta(-3, 5);
    for (std::int64_t i = 0; i < dispersion_rows * genes; ++i) theta.push_back(std::exp(log_theta(random)));
    Rows expected;
    for (std::int64_t c = 0; c < cells; ++c) {
        offsets.push_back(0.25f * static_cast<float>(c % 5) - 0.5f);
        const std::int64_t row = dispersion_rows > 0 ? c % dispersion_rows : 0;
        row_of_cell.push_back(static_cast<std::int32_t>(row));
        const auto size = static_cast<std::size_t>(genes);
        const std::span<const float> all_theta(theta);
        sample_counts_row(
            std::span(rates).subspan(static_cast<std::size_t>(c * genes), size), offsets.back(),
            theta.empty() ? all_theta : all_theta.subspan(static_cast<std::size_t>(row * genes), size),
            {kSeed, kFirstCell + c}, expected.genes, expected.counts);
        expected.offsets.push_back(static_cast<std::int64_t>(expected.genes.size()));
    }

    DeviceArray<float> values(rates), log_offsets(offsets), device_theta(theta);
    DeviceArray<std::int32_t> rows(row_of_cell), row_sizes(static_cast<std::size_t>(cells));
    DeviceArray<std::int64_t> row_offsets(static_cast<std::size_t>(cells) + 1);
    DeviceArray<unsigned long long> first_bad(std::vector{cuda::kNoBadRate});
    const cuda::CountDraws draws{.cells = cells,
                                 .genes = genes,
                                 .seed = kSeed,
                                 .first_cell = kFirstCell,
                                 .dispersion = theta.empty() ? nullptr : device_theta.data(),
                                 .dispersion_rows = rows.data()};
    const std::int64_t before = kernel_launches("draw_counts");
    cuda::draw_counts(draws, log_offsets.data(), values.data(), row_sizes.data(), first_bad.data(), nullptr);
    cuda::offsets_of_rows(row_sizes.data(), cells, row_offsets.data(), nullptr);
    EXPECT_EQ(kernel_launches("draw_counts"), before + 1);
    EXPECT_EQ(first_bad.copied()[0], cuda::kNoBadRate);
    ASSERT_EQ(row_offsets.copied(), expected.offsets);
    DeviceArray<std::int32_t> gene_indices(expected.genes.size());
    DeviceArray<float> counts(expected.genes.size());
    cuda::compact_rows(values.data(), cells, genes, row_offsets.data(), gene_indices.data(), counts.data(),
                       nullptr);
    EXPECT_EQ(gene_indices.copied(), expected.genes);
    // The last digits of lgamma differ between libraries: they move the edges of a large count's interval.
    constexpr float kLarge = 10'000;
    const std::vector<float> drawn = counts.copied();
    std::int64_t large = 0, apart = 0;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        const bool is_large = expected.counts[i] > kLarge;
        EXPECT_NEAR(drawn[i], expected.counts[i], is_large ? 1 : 0) << "entry " << i;
        large += is_large ? 1 : 0;
        apart += drawn[i] != expected.counts[i] ? 1 : 0;
    }
    EXPECT_LE(apart, 1 + large / 100);
}

class CountSamplingCuda : public KernelTest {};

TEST_P(CountSamplingCuda, DrawsWhatTheCpuDraws) {
    check(5, 2500, -1, 0);
    check(7, 1300, -1, 3);
    // Nearly all genes are candidates, in every round.
    check(3, 2600, 4, 1);
}
TEST_P(CountSamplingCuda, TakesFewGenesAndEmptyRows) {
    check(9, 1, 0, 1);
    check(3, 63, -1, 0);
    check(4, 65, -30, 1);
}

TEST_P(CountSamplingCuda, NamesTheFirstBadRate) {
    constexpr std::int64_t kCells = 3, kGenes = 70;
    for (const bool of_dispersion : {false, true}) {
        std::vector<float> rates(kCells * kGenes, 0.0f), theta(kGenes, 1.0f);
        if (of_dispersion) {
            theta[66] = 0;
        } else {
            rates[2 * kGenes + 3] = std::numeric_limits<float>::quiet_NaN();
            rates[1 * kGenes + 69] = kLargestLogRate + 1;
        }
        DeviceArray<float> values(rates), offsets(std::vector<float>(kCells, 0.0f)), device_theta(theta);
        DeviceArray<std::int32_t> row_sizes(kCells);
        DeviceArray<unsigned long long> first_bad(std::vector{cuda::kNoBadRate});
        cuda::draw_counts({.cells = kCells, .genes = kGenes, .dispersion = device_theta.data()},
                          offsets.data(), values.data(), row_sizes.data(), first_bad.data(), nullptr);
        EXPECT_EQ(first_bad.copied()[0], of_dispersion ? 66u : kGenes + 69u);
    }
}

TEST_P(CountSamplingCuda, SumsExponentialsInTheCpusOrder) {
    for (const std::int64_t genes : {1, 15, 16, 17, 1000}) {
        constexpr std::int64_t kCells = 19;
        const std::vector<float> logits = random_rates(kCells, genes, 0);
        DeviceArray<float> device_logits(logits);
        DeviceArray<double> totals(kCells);
        cuda::log_sum_exps(device_logits.data(), kCells, genes, totals.data(), nullptr);
        for (std::int64_t c = 0; c < kCells; ++c) {
            const double expected = log_sum_exp(std::span(logits).subspan(static_cast<std::size_t>(c * genes),
                                                                          static_cast<std::size_t>(genes)));
            EXPECT_NEAR(totals.copied()[static_cast<std::size_t>(c)], expected,
                        1e-14 * (1 + std::abs(expected)))
                << genes << " genes, cell " << c;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, CountSamplingCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
