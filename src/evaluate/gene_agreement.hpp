#pragma once

#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Per-gene statistics of log-normalised expression over the cells of a sample.
struct GeneStatistics {
    std::vector<double> mean;           // [num_genes]
    std::vector<double> variance;       // [num_genes], divided by the number of cells
    std::vector<double> dispersion;     // [num_genes], variance / mean; 0 where the mean is
    std::vector<double> zero_fraction;  // [num_genes]
};
GeneStatistics gene_statistics(const CountMatrix& expression);

/// Ranks from 1, equal values sharing their mean rank.
std::vector<double> average_ranks(const std::vector<double>& values);
/// Pearson correlation; NaN when either side is constant.
double pearson(const std::vector<double>& x, const std::vector<double>& y);
/// Spearman correlation: Pearson of average ranks.
double spearman(const std::vector<double>& x, const std::vector<double>& y);
double mean_absolute_difference(const std::vector<double>& x, const std::vector<double>& y);
/// Kolmogorov-Smirnov statistic of two samples: the largest difference of their distribution functions.
double kolmogorov_smirnov(std::vector<double> x, std::vector<double> y);

}  // namespace lapatlas
