#include "src/evaluate/gene_agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lapatlas {

GeneStatistics gene_statistics(const CountMatrix& expression) {
    const auto num_genes = static_cast<std::size_t>(expression.num_genes);
    const double num_cells = static_cast<double>(expression.num_rows());
    std::vector<double> sum(num_genes, 0.0), square(num_genes, 0.0), nonzero(num_genes, 0.0);
    for (std::size_t i = 0; i < expression.values.size(); ++i) {
        const auto gene = static_cast<std::size_t>(expression.gene_indices[i]);
        const double value = expression.values[i];
        sum[gene] += value;
        square[gene] += value * value;
        nonzero[gene] += value > 0;
    }
    GeneStatistics statistics{sum, square, square, nonzero};
    for (std::size_t gene = 0; gene < num_genes; ++gene) {
        const double mean = sum[gene] / num_cells;
        statistics.mean[gene] = mean;
        statistics.variance[gene] = std::max(0.0, square[gene] / num_cells - mean * mean);
        statistics.dispersion[gene] = mean > 0 ? statistics.variance[gene] / mean : 0.0;
        statistics.zero_fraction[gene] = 1 - nonzero[gene] / num_cells;
    }
    return statistics;
}

std::vector<double> average_ranks(const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin + 1;
        while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
        for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
        begin = end;
    }
    return ranks;
}

double pearson(const std::vector<double>& x, const std::vector<double>& y) {
    const double n = static_cast<double>(x.size());
    const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
    const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    if (!(xx > 0) || !(yy > 0)) return std::numeric_limits<double>::quiet_NaN();
    return xy / std::sqrt(xx * yy);
}

double spearman(const std::vector<double>& x, const std::vector<double>& y) {
    return pearson(average_ranks(x), average_ranks(y));
}

double mean_absolute_difference(const std::vector<double>& x, const std::vector<double>& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::abs(x[i] - y[i]);
    return sum / static_cast<double>(x.size());
}

double kolmogorov_smirnov(std::vector<double> x, std::vector<double> y) {
    std::sort(x.begin(), x.end());
    std::sort(y.begin(), y.end());
    double largest = 0;
    for (std::size_t i = 0, j = 0; i < x.size() && j < y.size();) {
        const double value = std::min(x[i], y[j]);
        while (i < x.size() && x[i] == value) ++i;
        while (j < y.size() && y[j] == value) ++j;
        largest = std::max(largest, std::abs(static_cast<double>(i) / static_cast<double>(x.size()) -
                                             static_cast<double>(j) / static_cast<double>(y.size())));
    }
    return largest;
}

}  // namespace lapatlas
