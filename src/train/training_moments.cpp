#include "src/train/training_moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/collectives.hpp"

namespace lapatlas {

GeneMoments gene_moments(const Communicator& comm, const RankData& data, bool size_factor) {
    const std::size_t genes = data.summary.gene_names.size();
    // Sums over cells of x, x^2 and x size by gene; of size and size^2.
    std::vector<double> sums(3 * genes + 2, 0);
    for_each_row(data.counts, data.num_train_rows, [&](std::int64_t r, const SparseCounts& cell) {
        const double size = size_factor ? data.library[static_cast<std::size_t>(r)] : 1;
        for (std::int64_t e = 0; e < cell.size; ++e) {
            const auto gene = static_cast<std::size_t>(cell.genes[e]);
            const double x = cell.values[e];
            sums[gene] += x;
            sums[genes + gene] += x * x;
            sums[2 * genes + gene] += x * size;
        }
        sums[3 * genes] += size;
        sums[3 * genes + 1] += size * size;
    });
    all_reduce_sum(comm, std::span<double>(sums));
    const double sizes = std::max(1.0, sums[3 * genes]), square_sizes = sums[3 * genes + 1];
    GeneMoments moments;
    for (std::size_t g = 0; g < genes; ++g) {
        const double mean = sums[g] / sizes;
        const double squares = mean * mean * square_sizes;
        const double excess = sums[genes + g] - 2 * mean * sums[2 * genes + g] + squares - mean * sizes;
        moments.profile.push_back(static_cast<float>(mean));
        moments.dispersion.push_back(excess > 0 ? static_cast<float>(squares / excess)
                                                : std::numeric_limits<float>::infinity());
    }
    return moments;
}

LibraryMoments library_moments(const Communicator& comm, const RankData& data) {
    double sums[2] = {0, 0};
    for (std::int64_t r = 0; r < data.num_train_rows; ++r) {
        const double value =
            std::log(std::max(1.0, static_cast<double>(data.library[static_cast<std::size_t>(r)])));
        sums[0] += value;
        sums[1] += value * value;
    }
    all_reduce_sum(comm, std::span<double>(sums));
    const auto count = static_cast<double>(data.summary.num_train);
    const double mean = sums[0] / count;
    return {mean, std::sqrt(std::max(1e-6, sums[1] / count - mean * mean))};
}

torch::Tensor label_means(const Communicator& comm, const ExpressionRows& expression, const RankData& data) {
    const std::size_t genes = data.summary.gene_names.size(), labels = data.summary.label_names.size();
    std::vector<double> sums((labels + 1) * genes, 0), cells(labels + 1, 0);
    RowBuffer buffer;
    const auto add_row = [&](std::int64_t r) {
        const SparseCounts cell = expression.row(r, buffer);
        const std::int32_t label = data.labels[static_cast<std::size_t>(r)];
        const auto add = [&](std::size_t row) {
            ++cells[row];
            for (std::int64_t e = 0; e < cell.size; ++e)
                sums[row * genes + static_cast<std::size_t>(cell.genes[e])] += cell.values[e];
        };
        add(labels);
        if (label >= 0) add(static_cast<std::size_t>(label));
    };
    for_each_block(data.counts, data.num_train_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) add_row(r);
    });
    all_reduce_sum(comm, std::span<double>(sums));
    all_reduce_sum(comm, std::span<double>(cells));
    for (std::size_t row = 0; row <= labels; ++row)
        for (std::size_t g = 0; g < genes; ++g) sums[row * genes + g] /= std::max(1.0, cells[row]);
    return torch::tensor(sums, torch::kFloat64)
        .to(torch::kFloat32)
        .reshape({static_cast<std::int64_t>(labels) + 1, static_cast<std::int64_t>(genes)});
}

torch::Tensor batch_shifts(const Communicator& comm, const RankData& data, bool size_factor) {
    constexpr double kBatchPrior = 10;
    const std::size_t genes = data.summary.gene_names.size(), batches = data.summary.batch_names.size();
    if (batches == 0) return {};
    std::vector<double> sums(batches * (genes + 1), 0);  // counts by gene, then sizes
    for_each_row(data.counts, data.num_train_rows, [&](std::int64_t r, const SparseCounts& cell) {
        const auto row = static_cast<std::size_t>(r);
        double* of_batch = sums.data() + static_cast<std::size_t>(data.batches[row]) * (genes + 1);
        for (std::int64_t e = 0; e < cell.size; ++e) of_batch[cell.genes[e]] += cell.values[e];
        of_batch[genes] += size_factor ? data.library[row] : 1;
    });
    all_reduce_sum(comm, std::span<double>(sums));
    double sizes = 0;
    for (std::size_t b = 0; b < batches; ++b) sizes += sums[b * (genes + 1) + genes];
    torch::Tensor shifts =
        torch::zeros({static_cast<std::int64_t>(batches), static_cast<std::int64_t>(genes)});
    for (std::size_t g = 0; g < genes; ++g) {
        double all = 0;
        for (std::size_t b = 0; b < batches; ++b) all += sums[b * (genes + 1) + g];
        if (all == 0) continue;
        for (std::size_t b = 0; b < batches; ++b) {
            const double expected = all * sums[b * (genes + 1) + genes] / std::max(1.0, sizes);
            shifts.data_ptr<float>()[b * genes + g] = static_cast<float>(
                std::log((sums[b * (genes + 1) + g] + kBatchPrior) / (expected + kBatchPrior)));
        }
    }
    return shifts;
}

}  // namespace lapatlas
