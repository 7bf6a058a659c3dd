#include "src/preprocess/tall_matrix.hpp"

#include <algorithm>
#include <vector>

namespace lapatlas {

namespace {

constexpr Eigen::Index kBlockRows = 1024;

Eigen::Index num_blocks(Eigen::Index rows) { return (rows + kBlockRows - 1) / kBlockRows; }

/// Columns scaled to length one; those that are nothing but rounding beside `reference` are set to zero.
void normalise_columns(RowMatrix& block, const Eigen::RowVectorXd& reference) {
    constexpr double kVanished = 1e-12;
    const Eigen::RowVectorXd norms = block.colwise().norm();
    Eigen::RowVectorXd scale = Eigen::RowVectorXd::Zero(norms.size());
    for (Eigen::Index j = 0; j < norms.size(); ++j)
        if (norms[j] > kVanished * reference[j] && norms[j] > 0) scale[j] = 1 / norms[j];
    block = block * scale.asDiagonal();
}

}  // namespace

Eigen::MatrixXd tall_gram(const Eigen::Ref<const RowMatrix>& x, const Eigen::Ref<const RowMatrix>& y) {
    const Eigen::Index blocks = num_blocks(x.rows());
    std::vector<Eigen::MatrixXd> partial(static_cast<std::size_t>(blocks),
                                         Eigen::MatrixXd(x.cols(), y.cols()));
#pragma omp parallel for schedule(dynamic)
    for (Eigen::Index b = 0; b < blocks; ++b) {
        const Eigen::Index first = b * kBlockRows, count = std::min(kBlockRows, x.rows() - first);
        partial[static_cast<std::size_t>(b)].noalias() =
            x.middleRows(first, count).transpose() * y.middleRows(first, count);
    }
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(x.cols(), y.cols());
    for (const auto& p : partial) sum += p;
    return sum;
}

RowMatrix tall_times(const Eigen::Ref<const RowMatrix>& x, const Eigen::MatrixXd& s) {
    RowMatrix product(x.rows(), s.cols());
    const Eigen::Index blocks = num_blocks(x.rows());
#pragma omp parallel for schedule(dynamic)
    for (Eigen::Index b = 0; b < blocks; ++b) {
        const Eigen::Index first = b * kBlockRows, count = std::min(kBlockRows, x.rows() - first);
        product.middleRows(first, count).noalias() = x.middleRows(first, count) * s;
    }
    return product;
}

RowMatrix orthonormal_complement(const Eigen::Ref<const RowMatrix>& basis, RowMatrix block) {
    constexpr double kDependent = 1e-14;  // of squared lengths
    for (int pass = 0; pass < 2 && block.cols() > 0; ++pass) {
        const Eigen::RowVectorXd before = block.colwise().norm();
        if (basis.cols() > 0) block -= tall_times(basis, tall_gram(basis, block));
        normalise_columns(block, before);
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> gram(tall_gram(block, block));
        const Eigen::VectorXd& squares = gram.eigenvalues();  // ascending
        const double largest = squares[squares.size() - 1];
        const Eigen::Index rank = largest > 0 ? (squares.array() > kDependent * largest).count() : 0;
        const Eigen::MatrixXd mix =
            gram.eigenvectors().rightCols(rank) * squares.tail(rank).cwiseSqrt().cwiseInverse().asDiagonal();
        block = tall_times(block, mix);
    }
    // A nearly dependent direction keeps the rounding of its small length through one pass: a last Gram step.
    if (block.cols() > 0) {
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> gram(tall_gram(block, block));
        block = tall_times(block, gram.operatorInverseSqrt());
    }
    return block;
}

}  // namespace lapatlas
