#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/io/count_matrix.hpp"
#include "src/preprocess/centred_gram.hpp"

namespace lapatlas {

struct PcaOptions {
    std::int64_t components = 50;
    std::uint64_t seed = 0;
    /// A component is found when |C^T C v - s^2 v| <= tolerance s^2. The error of s is of second
    /// order in it.
    double tolerance = 1e-4;
    std::int64_t max_products = 100;
};

/// Principal axes, whole and equal on every rank.
struct Pca {
    std::int64_t num_genes = 0;
    std::int64_t num_components = 0;         ///< may be fewer than asked for: at most the rank of the data
    std::vector<double> mean;                // [num_genes]
    std::vector<double> loadings;            // [num_genes, num_components], orthonormal columns
    std::vector<double> singular_values;     // [num_components], descending, of the centred matrix
    std::vector<double> explained_variance;  // [num_components], s^2 / (N - 1)
    double total_variance = 0;               ///< of all genes together
    std::int64_t num_products = 0;           ///< passes over the matrix
    bool converged = false;                  ///< false: max_products was not enough for options.tolerance
};

struct PcaResult {
    Pca pca;
    std::vector<double> scores;  // [local rows, num_components]
};

/// Collective. Principal components of the rows of all ranks (log-normalised training cells), centred,
/// without densifying (LapDDPM 3.1). A randomised block Krylov method (Halko, Martinsson & Tropp 2011; Musco
/// & Musco 2015) on C^T C: random start keyed by (seed, gene), Rayleigh-Ritz in float64 on everything seen,
/// expansion by the residuals of the first not yet found. Each pass multiplies a rank's own rows; one
/// [num_genes, block] matrix is summed over ranks, exactly, so the result does not depend on ranks or
/// threads. In each column of the loadings the entry of largest magnitude is positive. Throws InputError when
/// there are fewer than two rows or they do not vary.
PcaResult pca(const Communicator& comm, const CountMatrix& local, const PcaOptions& options);
/// Collective. The same with the passes where `gram` makes them.
PcaResult pca(const CentredGram& gram, const PcaOptions& options);

/// Scores [rows, num_components] of other cells, prepared as the training cells were.
std::vector<double> project(const ExpressionRows& rows, const Pca& pca);
std::vector<double> project(const CountMatrix& rows, const Pca& pca);

}  // namespace lapatlas
