#include "src/evaluate/protein_figures.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "src/evaluate/gene_agreement.hpp"

namespace lapatlas {

namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Means and deviations of columns, and how they go together, over the cells with all proteins.
struct Moments {
    Eigen::VectorXd protein_means;
    RowMatrix protein_protein;  ///< correlations [proteins, proteins]
    RowMatrix protein_gene;     ///< [proteins, genes], 0 of a column without any spread
};

/// log(1 + antibody counts) of the cells that have all of them, and those cells.
RowMatrix logs_of(const ProteinCells& cells, std::int64_t proteins, std::vector<std::int64_t>& rows) {
    for (std::int64_t row = 0; row < cells.counts.num_rows(); ++row)
        if (std::all_of(cells.proteins.begin() + row * proteins,
                        cells.proteins.begin() + (row + 1) * proteins,
                        [](float count) { return !std::isnan(count); }))
            rows.push_back(row);
    RowMatrix logs(std::ssize(rows), proteins);
    for (Eigen::Index i = 0; i < logs.rows(); ++i)
        for (Eigen::Index p = 0; p < proteins; ++p)
            logs(i, p) = std::log1p(static_cast<double>(
                cells.proteins[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)] * proteins + p)]));
    return logs;
}

Moments moments_of(const CountMatrix& counts, const std::vector<std::int64_t>& rows, const RowMatrix& logs,
                   double target_sum) {
    const auto cells = static_cast<double>(rows.size());
    const auto genes = static_cast<Eigen::Index>(counts.num_genes);
    Moments moments;
    moments.protein_means = logs.colwise().mean().transpose();
    const RowMatrix centred = logs.rowwise() - moments.protein_means.transpose();
    // With centred proteins the genes need not be.
    RowMatrix products = RowMatrix::Zero(logs.cols(), genes);
    Eigen::VectorXd sums = Eigen::VectorXd::Zero(genes), squares = sums;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const SparseCounts cell = row_of(counts, rows[i]);
        const double total = std::accumulate(cell.values, cell.values + cell.size, 0.0);
        for (std::int64_t e = 0; e < cell.size; ++e) {
            const double value = std::log1p(static_cast<double>(cell.values[e]) * target_sum / total);
            sums(cell.genes[e]) += value;
            squares(cell.genes[e]) += value * value;
            products.col(cell.genes[e]) += value * centred.row(static_cast<Eigen::Index>(i)).transpose();
        }
    }
    const auto inverse = [](double variance) { return variance > 1e-12 ? 1 / std::sqrt(variance) : 0; };
    const Eigen::VectorXd of_proteins =
        (centred.array().square().colwise().sum() / cells).transpose().unaryExpr(inverse);
    const Eigen::VectorXd of_genes =
        (squares.array() / cells - (sums.array() / cells).square()).matrix().unaryExpr(inverse);
    moments.protein_gene = of_proteins.asDiagonal() * products * of_genes.asDiagonal() / cells;
    moments.protein_protein =
        of_proteins.asDiagonal() * (centred.transpose() * centred) * of_proteins.asDiagonal() / cells;
    return moments;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() < 3 ? std::numeric_limits<double>::quiet_NaN() : pearson(a, b);
}

std::vector<double> values_of(const RowMatrix& matrix, const std::vector<Eigen::Index>& columns) {
    std::vector<double> values;
    for (Eigen::Index row = 0; row < matrix.rows(); ++row)
        for (const Eigen::Index column : columns) values.push_back(matrix(row, column));
    return values;
}

std::vector<double> above_diagonal(const RowMatrix& matrix) {
    std::vector<double> values;
    for (Eigen::Index row = 0; row < matrix.rows(); ++row)
        for (Eigen::Index column = row + 1; column < matrix.cols(); ++column)
            values.push_back(matrix(row, column));
    return values;
}

/// Genes that at least a tenth of `rows` express.
std::vector<Eigen::Index> common_genes(const CountMatrix& counts, const std::vector<std::int64_t>& rows) {
    std::vector<std::size_t> cells(static_cast<std::size_t>(counts.num_genes), 0);
    for (const std::int64_t row : rows) {
        const SparseCounts cell = row_of(counts, row);
        for (std::int64_t e = 0; e < cell.size; ++e) ++cells[static_cast<std::size_t>(cell.genes[e])];
    }
    std::vector<Eigen::Index> common;
    for (std::size_t gene = 0; gene < cells.size(); ++gene)
        if (10 * cells[gene] >= rows.size()) common.push_back(static_cast<Eigen::Index>(gene));
    return common;
}

}  // namespace

double wasserstein_1(std::vector<double> a, std::vector<double> b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    // Between neighbouring values of both the distribution functions differ by a constant.
    double distance = 0, before = std::min(a.front(), b.front());
    for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
        const double at = j == b.size() || (i < a.size() && a[i] <= b[j]) ? a[i] : b[j];
        distance += (at - before) * std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                             static_cast<double>(j) / static_cast<double>(b.size()));
        while (i < a.size() && a[i] == at) ++i;
        while (j < b.size() && b[j] == at) ++j;
        before = at;
    }
    return distance;
}

ProteinFigures compare_proteins(const ProteinCells& real, const ProteinCells& other, double target_sum) {
    const std::int64_t proteins =
        real.counts.num_rows() == 0 ? 0 : std::ssize(real.proteins) / real.counts.num_rows();
    std::vector<std::int64_t> real_rows, other_rows;
    const RowMatrix real_logs = logs_of(real, proteins, real_rows),
                    other_logs = logs_of(other, proteins, other_rows);
    ProteinFigures figures;
    if (real_rows.empty() || other_rows.empty()) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        return {nan, std::vector<double>(static_cast<std::size_t>(proteins), nan), nan, nan};
    }
    const Moments a = moments_of(real.counts, real_rows, real_logs, target_sum),
                  b = moments_of(other.counts, other_rows, other_logs, target_sum);
    figures.mean_pcc = correlation({a.protein_means.begin(), a.protein_means.end()},
                                   {b.protein_means.begin(), b.protein_means.end()});
    figures.protein_protein_pcc =
        correlation(above_diagonal(a.protein_protein), above_diagonal(b.protein_protein));
    const std::vector<Eigen::Index> genes = common_genes(real.counts, real_rows);
    figures.protein_gene_pcc =
        correlation(values_of(a.protein_gene, genes), values_of(b.protein_gene, genes));
    for (Eigen::Index p = 0; p < proteins; ++p) {
        const Eigen::VectorXd column = real_logs.col(p), of_other = other_logs.col(p);
        const double deviation =
            std::sqrt((column.array() - column.mean()).square().sum() / static_cast<double>(column.size()));
        figures.wasserstein.push_back(
            wasserstein_1({column.begin(), column.end()}, {of_other.begin(), of_other.end()}) /
            std::max(deviation, 1e-12));
    }
    return figures;
}

}  // namespace lapatlas
