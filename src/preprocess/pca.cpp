#include "src/preprocess/pca.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/preprocess/centred_gram.hpp"
#include "src/preprocess/tall_matrix.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kOversampling = 14;
constexpr Eigen::Index kExpansion = 24;  // directions a pass adds: narrow passes need fewer products in all
constexpr std::int64_t kBlocksKept = 5;  // the basis is cut back to its best part when it grows beyond this
/// s_i below this share of s_1 cannot be told from zero: s^2 is found to rounding.
constexpr double kZeroSingularValue = 1e-6;

template <class Matrix>
void broadcast_matrix(const Communicator& comm, Matrix& matrix) {
    broadcast(comm, std::span<double>(matrix.data(), static_cast<std::size_t>(matrix.size())));
}

/// Rank 0's block on every rank: processors of different kinds may round, and so drop columns, differently.
RowMatrix agree_on_block(const Communicator& comm, RowMatrix block) {
    std::int64_t columns = block.cols();
    broadcast(comm, std::span<std::int64_t>(&columns, 1));
    if (columns != block.cols()) block = RowMatrix::Zero(block.rows(), columns);
    broadcast_matrix(comm, block);
    return block;
}

RowMatrix random_block(std::int64_t num_genes, std::int64_t columns, std::uint64_t seed) {
    const PlacedRandom random(seed, RandomStream::kRangeFinder);
    RowMatrix block(num_genes, columns);
    for (std::int64_t gene = 0; gene < num_genes; ++gene)
        random.fill_normals(static_cast<std::uint64_t>(gene), 0, block.data() + gene * columns, columns);
    return block;
}

/// Rayleigh-Ritz pairs on everything the operator H has been applied to.
struct KrylovBasis {
    RowMatrix vectors;       // [num_genes, m], orthonormal
    RowMatrix images;        // [num_genes, m], H vectors
    Eigen::MatrixXd small;   // [m, m], vectors^T H vectors
    Eigen::VectorXd values;  // [m], Ritz values, descending
    Eigen::MatrixXd mix;     // [m, m], Ritz vectors in the basis

    void append(const RowMatrix& block, const RowMatrix& image) {
        const Eigen::Index old = vectors.cols(), added = block.cols();
        vectors.conservativeResize(block.rows(), old + added);
        images.conservativeResize(block.rows(), old + added);
        vectors.rightCols(added) = block;
        images.rightCols(added) = image;
        small.conservativeResize(old + added, old + added);
        const Eigen::MatrixXd right = tall_gram(vectors, image);
        small.rightCols(added) = right;
        small.bottomRows(added) = right.transpose();
        small.bottomRightCorner(added, added) =
            0.5 * (right.bottomRows(added) + right.bottomRows(added).transpose());
    }
    void solve() {
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(small);
        ensure(solver.info() == Eigen::Success, "Rayleigh-Ritz problem of the PCA was not solved");
        values = solver.eigenvalues().reverse().cwiseMax(0.0);
        mix = solver.eigenvectors().rowwise().reverse();
    }
    /// Keeps the span of the best `count` Ritz vectors.
    void cut(Eigen::Index count) {
        vectors = tall_times(vectors, mix.leftCols(count));
        images = tall_times(images, mix.leftCols(count));
        values = values.head(count).eval();
        small = values.asDiagonal();
        mix = Eigen::MatrixXd::Identity(count, count);
    }
};

/// Residuals of the leading kExpansion of those of the first `count` Ritz pairs that have not converged,
/// [num_genes, <= kExpansion].
RowMatrix open_residuals(const KrylovBasis& basis, Eigen::Index count, double tolerance) {
    const Eigen::MatrixXd mix = basis.mix.leftCols(count);
    const Eigen::VectorXd values = basis.values.head(count);
    const RowMatrix residuals =
        tall_times(basis.images, mix) - tall_times(basis.vectors, mix * values.asDiagonal());
    const double rounding = 1e-12 * basis.values[0];
    RowMatrix open(residuals.rows(), std::min(count, kExpansion));
    Eigen::Index num_open = 0;
    for (Eigen::Index i = 0; i < count && num_open < open.cols(); ++i)
        if (residuals.col(i).norm() > std::max(tolerance * values[i], rounding))
            open.col(num_open++) = residuals.col(i);
    return open.leftCols(num_open);
}

void make_signs_deterministic(RowMatrix& loadings) {
    for (Eigen::Index j = 0; j < loadings.cols(); ++j) {
        Eigen::Index largest = 0;
        loadings.col(j).cwiseAbs().maxCoeff(&largest);
        if (loadings(largest, j) < 0) loadings.col(j) *= -1;
    }
}

}  // namespace

PcaResult pca(const Communicator& comm, const CountMatrix& local, const PcaOptions& options) {
    const MatrixRows rows(local);
    return pca(CentredGram(comm, rows), options);
}

PcaResult pca(const CentredGram& gram, const PcaOptions& options) {
    const Communicator& comm = gram.comm();
    const std::int64_t num_rows = gram.num_rows(), num_genes = gram.local().num_genes();
    if (num_rows < 2)
        throw InputError("principal components need at least two training cells, there are " +
                         std::to_string(num_rows));
    if (gram.trace() == 0)
        throw InputError("all " + std::to_string(num_rows) +
                         " training cells have the same expression; there is nothing to find components of");
    std::int64_t wanted = std::min({options.components, num_rows - 1, num_genes});
    const std::int64_t block_columns = std::min(num_genes, (wanted + kOversampling + 7) / 8 * 8);

    Pca model;
    KrylovBasis basis;
    RowMatrix block = agreed(comm, [&] {
        return orthonormal_complement(RowMatrix(num_genes, 0),
                                      random_block(num_genes, block_columns, options.seed));
    });
    while (true) {
        block = agree_on_block(comm, std::move(block));
        model.converged = block.cols() == 0;
        if (model.converged || model.num_products == options.max_products) break;
        const RowMatrix image = gram.apply(block);
        ++model.num_products;
        agreed(comm, [&] {
            basis.append(block, image);
            basis.solve();
        });
        broadcast_matrix(comm, basis.values);
        broadcast_matrix(comm, basis.mix);
        agreed(comm, [&] {
            const Eigen::Index pairs = std::min<Eigen::Index>(wanted, basis.values.size());
            RowMatrix residuals = open_residuals(basis, pairs, options.tolerance);
            if (basis.values.size() + residuals.cols() > kBlocksKept * block_columns)
                basis.cut(block_columns);
            block = residuals.cols() > 0 ? orthonormal_complement(basis.vectors, std::move(residuals))
                                         : RowMatrix(num_genes, 0);
        });
    }

    const double zero = kZeroSingularValue * std::sqrt(basis.values[0]);
    wanted = std::min<std::int64_t>(wanted, (basis.values.array().sqrt() > zero).count());
    RowMatrix loadings = tall_times(basis.vectors, basis.mix.leftCols(wanted));
    make_signs_deterministic(loadings);
    broadcast_matrix(comm, loadings);

    model.num_genes = num_genes;
    model.num_components = wanted;
    model.mean = gram.mean();
    model.loadings.assign(loadings.data(), loadings.data() + loadings.size());
    for (std::int64_t i = 0; i < wanted; ++i) {
        model.singular_values.push_back(std::sqrt(basis.values[i]));
        model.explained_variance.push_back(basis.values[i] / static_cast<double>(num_rows - 1));
    }
    model.total_variance = gram.trace() / static_cast<double>(num_rows - 1);
    PcaResult result;
    result.scores = agreed(comm, [&] { return project(gram.local(), model); });
    result.pca = std::move(model);
    return result;
}

std::vector<double> project(const CountMatrix& rows, const Pca& pca) {
    return project(MatrixRows(rows), pca);
}

std::vector<double> project(const ExpressionRows& rows, const Pca& pca) {
    ensure(rows.num_genes() == pca.num_genes, "cells to project must have the genes of the PCA");
    const Eigen::Map<const RowMatrix> loadings(pca.loadings.data(), pca.num_genes, pca.num_components);
    const RowMatrix scores = centred_times(rows, pca.mean, loadings);
    return std::vector<double>(scores.data(), scores.data() + scores.size());
}

}  // namespace lapatlas
