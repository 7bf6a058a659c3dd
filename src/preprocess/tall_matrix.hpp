#pragma once

#include <Eigen/Dense>
#include <cstdint>

namespace lapatlas {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Products of tall [n, small] matrices that every rank holds. Work is cut into fixed blocks of rows and added
// in block order, so that the result is the same for any number of threads.

/// x^T y, [x.cols, y.cols].
Eigen::MatrixXd tall_gram(const Eigen::Ref<const RowMatrix>& x, const Eigen::Ref<const RowMatrix>& y);

/// x s, [x.rows, s.cols].
RowMatrix tall_times(const Eigen::Ref<const RowMatrix>& x, const Eigen::MatrixXd& s);

/// Orthonormal columns that span what `block` has outside the span of the orthonormal `basis` [n, m] (m may
/// be 0): twice projected out, then singular-vector QB on the Gram matrix (Stathopoulos & Wu, "A block
/// orthogonalization procedure with constant synchronization requirements", 2002). Directions that vanish to
/// rounding are dropped, so the result may have fewer columns, or none.
RowMatrix orthonormal_complement(const Eigen::Ref<const RowMatrix>& basis, RowMatrix block);

}  // namespace lapatlas
