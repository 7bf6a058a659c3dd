#include "src/evaluate/marker_genes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lapatlas {
namespace {

struct Entry {
    float value;
    std::int32_t group;
};

/// Entries above zero of each gene with their cell's group.
struct ByGene {
    std::vector<std::int64_t> offsets;  // [num_genes + 1]
    std::vector<Entry> entries;
};

ByGene by_gene(const CountMatrix& expression, const std::vector<std::int32_t>& groups) {
    ByGene genes;
    genes.offsets.assign(static_cast<std::size_t>(expression.num_genes) + 1, 0);
    for (const std::int32_t gene : expression.gene_indices)
        ++genes.offsets[static_cast<std::size_t>(gene) + 1];
    std::partial_sum(genes.offsets.begin(), genes.offsets.end(), genes.offsets.begin());
    std::vector<std::int64_t> next(genes.offsets.begin(), genes.offsets.end() - 1);
    genes.entries.resize(expression.values.size());
    for (std::size_t row = 0; row < groups.size(); ++row)
        for (std::int64_t i = expression.row_offsets[row]; i < expression.row_offsets[row + 1]; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const auto gene = static_cast<std::size_t>(expression.gene_indices[at]);
            genes.entries[static_cast<std::size_t>(next[gene]++)] = {expression.values[at], groups[row]};
        }
    return genes;
}

}  // namespace

std::vector<GroupMarkers> group_markers(const CountMatrix& expression,
                                        const std::vector<std::int32_t>& groups, std::int32_t num_groups) {
    const auto num_genes = static_cast<std::size_t>(expression.num_genes);
    const auto wide = static_cast<std::size_t>(num_groups);
    std::vector<double> sizes(wide, 0.0);
    for (const std::int32_t group : groups)
        if (group >= 0) sizes[static_cast<std::size_t>(group)] += 1;
    const auto cells = static_cast<double>(groups.size());
    std::vector<GroupMarkers> markers(wide);
    for (std::size_t g = 0; g < wide; ++g)
        if (sizes[g] > 0 && sizes[g] < cells) {
            markers[g].score.resize(num_genes);
            markers[g].log_fold_change.resize(num_genes);
        }
    ByGene genes = by_gene(expression, groups);
#pragma omp parallel for schedule(static)
    for (std::size_t gene = 0; gene < num_genes; ++gene) {
        const auto begin = genes.entries.begin() + genes.offsets[gene];
        const auto end = genes.entries.begin() + genes.offsets[gene + 1];
        std::sort(begin, end, [](const Entry& a, const Entry& b) { return a.value < b.value; });
        const auto above = static_cast<double>(end - begin);
        const double zeros = cells - above;
        // Ranks of a group: its zeros share the mean rank of all zeros.
        std::vector<double> rank_sum(wide, 0.0), seen(wide, 0.0), expressed(wide, 0.0);
        double all = 0;
        for (auto first = begin; first != end;) {
            auto last = first;
            while (last != end && last->value == first->value) ++last;
            const double rank =
                zeros + (static_cast<double>(first - begin) + 1 + static_cast<double>(last - begin)) / 2;
            for (; first != last; ++first) {
                const auto value = static_cast<double>(first->value);
                all += value;
                if (first->group < 0) continue;
                const auto g = static_cast<std::size_t>(first->group);
                rank_sum[g] += rank;
                seen[g] += 1;
                expressed[g] += value;
            }
        }
        for (std::size_t g = 0; g < wide; ++g) {
            if (markers[g].score.empty()) continue;
            const double others = cells - sizes[g];
            const double ranks = rank_sum[g] + (sizes[g] - seen[g]) * (zeros + 1) / 2;
            markers[g].score[gene] =
                (ranks - sizes[g] * (cells + 1) / 2) / std::sqrt(sizes[g] * others * (cells + 1) / 12);
            markers[g].log_fold_change[gene] = std::log2((std::expm1(expressed[g] / sizes[g]) + 1e-9) /
                                                         (std::expm1((all - expressed[g]) / others) + 1e-9));
        }
    }
    return markers;
}

std::vector<std::int32_t> top_genes(const std::vector<double>& score, std::size_t count) {
    std::vector<std::int32_t> order(score.size());
    std::iota(order.begin(), order.end(), 0);
    count = std::min(count, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](std::int32_t a, std::int32_t b) {
                          const double x = score[static_cast<std::size_t>(a)];
                          const double y = score[static_cast<std::size_t>(b)];
                          return x != y ? x > y : a < b;
                      });
    order.resize(count);
    return order;
}

double overlap(const std::vector<std::int32_t>& left, const std::vector<std::int32_t>& right) {
    if (left.empty()) return std::numeric_limits<double>::quiet_NaN();
    double both = 0;
    for (const std::int32_t gene : left)
        both += std::find(right.begin(), right.end(), gene) != right.end() ? 1 : 0;
    return both / static_cast<double>(left.size());
}

std::vector<double> gene_correlations(const CountMatrix& expression, const std::vector<std::int64_t>& rows,
                                      const std::vector<std::int32_t>& genes) {
    std::vector<std::int32_t> column(static_cast<std::size_t>(expression.num_genes), -1);
    for (std::size_t g = 0; g < genes.size(); ++g)
        column[static_cast<std::size_t>(genes[g])] = static_cast<std::int32_t>(g);
    Points values =
        Points::Zero(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(genes.size()));
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto row = static_cast<std::size_t>(rows[r]);
        for (std::int64_t i = expression.row_offsets[row]; i < expression.row_offsets[row + 1]; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const std::int32_t c = column[static_cast<std::size_t>(expression.gene_indices[at])];
            if (c >= 0) values(static_cast<Eigen::Index>(r), c) = expression.values[at];
        }
    }
    std::vector<double> correlations;
    if (rows.size() < 2) return std::vector<double>(genes.size() * (genes.size() - 1) / 2, 0.0);
    values.rowwise() -= values.colwise().mean().eval();
    const Eigen::RowVectorXd norms = values.colwise().norm();
    for (Eigen::Index a = 0; a < values.cols(); ++a)
        for (Eigen::Index b = a + 1; b < values.cols(); ++b) {
            const double scale = norms[a] * norms[b];
            correlations.push_back(scale > 0 ? values.col(a).dot(values.col(b)) / scale : 0.0);
        }
    return correlations;
}

}  // namespace lapatlas
