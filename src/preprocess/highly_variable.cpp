#include "src/preprocess/highly_variable.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/loess.hpp"

namespace lapatlas {

namespace {

constexpr double kSpan = 0.3;

template <class F>
void for_each_training_count(const PackedCounts& local, std::span<const std::uint8_t> is_training_row,
                             F&& visit) {
    for_each_row(local, [&](std::int64_t row, const SparseCounts& cell) {
        if (is_training_row[static_cast<std::size_t>(row)] == 0) return;
        for (std::int64_t i = 0; i < cell.size; ++i)
            visit(static_cast<std::size_t>(cell.genes[i]), static_cast<double>(cell.values[i]));
    });
}

/// Collective. Standard deviation that each gene's mean leads one to expect, [num_genes]; 1 for constant
/// genes.
std::vector<double> expected_deviations(const Communicator& comm, std::span<const double> means,
                                        std::span<const double> variances) {
    std::vector<std::size_t> varying;
    std::vector<double> x, y, mine;
    agreed(comm, [&] {
        for (std::size_t gene = 0; gene < means.size(); ++gene)
            if (variances[gene] > 0) varying.push_back(gene);
        std::stable_sort(varying.begin(), varying.end(),
                         [&](std::size_t a, std::size_t b) { return means[a] < means[b]; });
        for (const std::size_t gene : varying) {
            x.push_back(std::log10(means[gene]));
            y.push_back(std::log10(variances[gene]));
        }
        const BlockRange share = block_of_rank(static_cast<std::int64_t>(x.size()), comm.size(), comm.rank());
        mine = loess(x, y, kSpan, share.begin, share.end);
    });
    const std::vector<double> fitted = all_gather_v<double>(comm, mine);
    std::vector<double> deviations(means.size(), 1);
    for (std::size_t i = 0; i < varying.size(); ++i) deviations[varying[i]] = std::pow(10.0, fitted[i] / 2);
    return deviations;
}

}  // namespace

std::vector<std::int32_t> first_ranked(std::span<const std::int32_t> ranking, std::int64_t count) {
    const auto size = std::clamp<std::int64_t>(count, 0, static_cast<std::int64_t>(ranking.size()));
    std::vector<std::int32_t> chosen(ranking.begin(), ranking.begin() + size);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

HighlyVariableGenes choose_highly_variable(const Communicator& comm, const PackedCounts& local,
                                           std::span<const std::uint8_t> is_training_row,
                                           std::int64_t count) {
    const std::size_t num_genes = static_cast<std::size_t>(local.num_genes());
    std::vector<double> sums, squares;
    std::int64_t num_cells = 0;
    agreed(comm, [&] {
        ensure(static_cast<std::int64_t>(is_training_row.size()) == local.num_rows(),
               "choose_highly_variable needs one training flag a row");
        num_cells = std::count_if(is_training_row.begin(), is_training_row.end(),
                                  [](auto flag) { return flag != 0; });
        sums.assign(num_genes, 0);
        squares.assign(num_genes, 0);
        for_each_training_count(local, is_training_row, [&](std::size_t gene, double value) {
            sums[gene] += value;
            squares[gene] += value * value;
        });
    });
    num_cells = all_reduce_sum(comm, num_cells);
    all_reduce_sum(comm, std::span<double>(sums));
    all_reduce_sum(comm, std::span<double>(squares));
    if (num_cells < 2)
        throw InputError("highly variable genes need at least two training cells; there are " +
                         std::to_string(num_cells));

    const double n = static_cast<double>(num_cells);
    std::vector<double> means(num_genes), variances(num_genes);
    for (std::size_t gene = 0; gene < num_genes; ++gene) {
        means[gene] = sums[gene] / n;
        variances[gene] = std::max(0.0, (squares[gene] - sums[gene] * means[gene]) / (n - 1));
    }
    if (std::none_of(variances.begin(), variances.end(), [](double v) { return v > 0; }))
        throw InputError("no gene varies among the training cells");
    const std::vector<double> deviations = expected_deviations(comm, means, variances);

    // Clipped counts are counted, not added: what is added stays whole.
    std::vector<double> limits(num_genes), clipped(num_genes, 0);
    for (std::size_t gene = 0; gene < num_genes; ++gene)
        limits[gene] = deviations[gene] * std::sqrt(n) + means[gene];
    std::fill(sums.begin(), sums.end(), 0);
    std::fill(squares.begin(), squares.end(), 0);
    for_each_training_count(local, is_training_row, [&](std::size_t gene, double value) {
        if (value > limits[gene]) {
            clipped[gene] += 1;
        } else {
            sums[gene] += value;
            squares[gene] += value * value;
        }
    });
    all_reduce_sum(comm, std::span<double>(sums));
    all_reduce_sum(comm, std::span<double>(squares));
    all_reduce_sum(comm, std::span<double>(clipped));

    HighlyVariableGenes genes;
    genes.normalised_variance.resize(num_genes);
    for (std::size_t gene = 0; gene < num_genes; ++gene) {
        const double sum = sums[gene] + clipped[gene] * limits[gene];
        const double square = squares[gene] + clipped[gene] * limits[gene] * limits[gene];
        genes.normalised_variance[gene] = (n * means[gene] * means[gene] + square - 2 * sum * means[gene]) /
                                          ((n - 1) * deviations[gene] * deviations[gene]);
        if (!(variances[gene] > 0)) genes.normalised_variance[gene] = 0;
    }
    genes.ranking.resize(num_genes);
    std::iota(genes.ranking.begin(), genes.ranking.end(), 0);
    std::stable_sort(genes.ranking.begin(), genes.ranking.end(), [&](std::int32_t a, std::int32_t b) {
        return genes.normalised_variance[static_cast<std::size_t>(a)] >
               genes.normalised_variance[static_cast<std::size_t>(b)];
    });
    genes.chosen = first_ranked(genes.ranking, count);
    return genes;
}

void keep_most_variable(const Communicator& comm, const PackedCounts& counts,
                        const std::vector<std::uint8_t>& is_train, std::int64_t count,
                        std::vector<std::int32_t>& kept) {
    if (count == 0 || count >= std::ssize(kept)) return;
    const PackedCounts training = select(counts, is_train, kept);
    const std::vector<std::uint8_t> all(static_cast<std::size_t>(training.num_rows()), 1);
    std::vector<std::int32_t> stay;
    for (const std::int32_t gene : choose_highly_variable(comm, training, all, count).chosen)
        stay.push_back(kept[static_cast<std::size_t>(gene)]);
    kept = std::move(stay);
}

}  // namespace lapatlas
