// The GPU's likelihood and gradients against the CPU's on the same cells. On a machine without a GPU the
// kernels run on the host, thread by thread.
#include "src/decode/count_likelihood_cuda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "src/decode/count_likelihood.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

struct Cells {
    std::int64_t genes = 0;
    std::vector<std::int64_t> row_offsets{0};
    std::vector<std::int32_t> gene_indices;
    std::vector<float> counts, library, logits;
    std::vector<std::int32_t> dispersion_rows;

    std::int64_t size() const { return static_cast<std::int64_t>(library.size()); }
    std::vector<SparseCounts> views() const {
        std::vector<SparseCounts> views;
        for (std::size_t c = 0; c < library.size(); ++c) {
            const std::int64_t first = row_offsets[c];
            views.push_back({gene_indices.data() + first, counts.data() + first, row_offsets[c + 1] - first});
        }
        return views;
    }
};

/// Cells of none, few and many counts, 1 to some hundreds; one with no library at all.
Cells random_cells(std::int64_t num_cells, std::int64_t genes, std::int32_t dispersion_rows) {
    std::mt19937 random(11);
    std::normal_distribution<float> logit(-1, 2);
    Cells cells;
    cells.genes = genes;
    for (std::int64_t c = 0; c < num_cells; ++c) {
        const unsigned one_in = c % 5 == 0 ? 2 : 9;
        float total = 0;
        for (std::int64_t g = 0; g < genes; ++g) {
            cells.logits.push_back(logit(random));
            if (c % 7 == 3 || random() % one_in != 0) continue;
            cells.gene_indices.push_back(static_cast<std::int32_t>(g));
            const auto size = random() % 20;
            cells.counts.push_back(static_cast<float>(size < 12   ? 1 + size / 6
                                                      : size < 18 ? size
                                                                  : 30 * size));
            total += cells.counts.back();
        }
        cells.row_offsets.push_back(static_cast<std::int64_t>(cells.gene_indices.size()));
        cells.library.push_back(total);
        cells.dispersion_rows.push_back(static_cast<std::int32_t>(c % dispersion_rows));
    }
    return cells;
}

double largest_difference(const std::vector<float>& got, const std::vector<float>& expected) {
    double most = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error =
            std::abs(got[i] - expected[i]) / (1 + std::abs(static_cast<double>(expected[i])));
        most = std::isfinite(got[i]) ? std::max(most, error) : 1e30;
    }
    return most;
}

void check(bool negative_binomial, bool size_factor, std::int32_t rows, std::int64_t num_cells,
           std::int64_t genes) {
    SCOPED_TRACE(std::string(negative_binomial ? "NB" : "Poisson") +
                 (size_factor ? ", size factor" : ", absolute") + ", rows " + std::to_string(rows) +
                 ", cells " + std::to_string(num_cells));
    const Cells cells = random_cells(num_cells, genes, rows);
    CountLikelihood model{genes, negative_binomial, size_factor, {}};
    std::mt19937 random(3);
    std::uniform_real_distribution<float> log_theta(-4, 6);
    if (negative_binomial)
        for (std::int64_t i = 0; i < rows * genes; ++i)
            model.dispersion.push_back(std::exp(log_theta(random)));

    // The CPU, all cells as one chunk.
    std::vector<float> expected = cells.logits, work(cells.logits.size());
    LikelihoodSums sums;
    likelihood_and_gradient(model, cells.views(), cells.library, cells.dispersion_rows, 0.5f, expected.data(),
                            work.data(), sums);

    // The GPU, as two chunks, with gradients and without.
    std::vector<std::int32_t> all_rows(static_cast<std::size_t>(num_cells));
    std::iota(all_rows.begin(), all_rows.end(), 0);
    DeviceArray<std::int64_t> offsets(cells.row_offsets);
    DeviceArray<std::int32_t> gene_indices(cells.gene_indices), dispersion_rows(cells.dispersion_rows);
    DeviceArray<std::int32_t> matrix_rows(all_rows);
    DeviceArray<float> counts(cells.counts), library(cells.library), theta(model.dispersion);
    const auto num_values = static_cast<std::int64_t>(model.dispersion.size());
    for (const bool with_gradients : {true, false}) {
        DeviceArray<float> logits(cells.logits), entry_work(cells.counts.size());
        DeviceArray<double> losses(std::vector<double>(cuda::kMostLikelihoodGroups, 0.0)), loss(1);
        DeviceArray<float> of_groups(
            std::vector<float>(static_cast<std::size_t>(cuda::kMostLikelihoodGroups * num_values), 0.0f));
        DeviceArray<float> dispersion_gradient(model.dispersion.size());
        // Fewer groups than there is room for, now and then.
        const cuda::LikelihoodParts parts{num_cells % 2 == 0 ? cuda::kMostLikelihoodGroups : 11,
                                          losses.data(), negative_binomial ? of_groups.data() : nullptr};
        const std::int64_t before = kernel_launches("likelihood_and_gradient");
        const std::int64_t half = num_cells / 3;
        for (const auto& [first, last] : {std::pair{std::int64_t{0}, half}, std::pair{half, num_cells}}) {
            const cuda::LikelihoodChunk chunk{.cells = last - first,
                                              .genes = genes,
                                              .row_offsets = offsets.data(),
                                              .gene_indices = gene_indices.data(),
                                              .counts = counts.data(),
                                              .rows = matrix_rows.data() + first,
                                              .entry_offsets = offsets.data() + first,
                                              .library = size_factor ? library.data() + first : nullptr,
                                              .dispersion = negative_binomial ? theta.data() : nullptr,
                                              .dispersion_rows = dispersion_rows.data() + first,
                                              .num_dispersion_rows = rows};
            cuda::likelihood_and_gradient(chunk, 0.5f, logits.data() + first * genes,
                                          with_gradients ? entry_work.data() : nullptr, parts, nullptr);
        }
        cuda::sum_likelihood_parts(parts, num_values, 0.5f, loss.data(), dispersion_gradient.data(), nullptr);
        EXPECT_EQ(kernel_launches("likelihood_and_gradient"), before + (half > 0 ? 2 : 1));

        EXPECT_NEAR(loss.copied()[0], sums.negative_log_likelihood,
                    2e-6 * (1 + sums.negative_log_likelihood));
        EXPECT_LT(largest_difference(logits.copied(), with_gradients ? expected : cells.logits), 2e-5);
        const std::vector<float> of_theta(sums.dispersion_gradient.begin(), sums.dispersion_gradient.end());
        EXPECT_LT(largest_difference(dispersion_gradient.copied(), of_theta), 5e-5);
    }
}

class CountLikelihoodCuda : public KernelTest {};

TEST_P(CountLikelihoodCuda, AgreesWithTheCpu) {
    for (const bool negative_binomial : {true, false})
        for (const bool size_factor : {true, false}) check(negative_binomial, size_factor, 1, 40, 613);
}
TEST_P(CountLikelihoodCuda, KeepsLabelsDispersionsApart) { check(true, true, 3, 23, 70); }
TEST_P(CountLikelihoodCuda, TakesMoreCellsThanGroupsAndOneCell) {
    check(true, true, 2, 2 * cuda::kMostLikelihoodGroups + 37, 9);
    check(true, true, 1, 1, 1100);
}

INSTANTIATE_TEST_SUITE_P(Threads, CountLikelihoodCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
