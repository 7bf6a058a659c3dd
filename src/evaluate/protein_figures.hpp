#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Views cells with genes and antibody counts, in the same order; those without any of the latter count for
/// nothing.
struct ProteinCells {
    const CountMatrix& counts;           // [cells, genes]
    const std::vector<float>& proteins;  // [cells, proteins], NaN where not measured
};

/// How the antibody counts of one group of cells are like another's.
struct ProteinFigures {
    /// Correlation over proteins of the means of log(1 + count); NaN with fewer than three proteins.
    double mean_pcc = 0;
    /// [proteins] 1-Wasserstein distance of log(1 + count) in standard deviations of the first group's.
    std::vector<double> wasserstein;
    /// Correlation over pairs of proteins of the proteins' correlation coefficients; NaN with fewer than
    /// three.
    double protein_protein_pcc = 0;
    /// Correlation over (protein, gene) of the correlation coefficients of log(1 + antibody count) with
    /// log-normalised expression: whether both modalities go together as they should. Of genes that a tenth
    /// of the first group's cells express.
    double protein_gene_pcc = 0;
};

/// Rank-local. `target_sum`: of log-normalised expression.
ProteinFigures compare_proteins(const ProteinCells& real, const ProteinCells& other, double target_sum);

/// 1-Wasserstein distance of two samples, neither empty; sorts them.
double wasserstein_1(std::vector<double> a, std::vector<double> b);

}  // namespace lapatlas
