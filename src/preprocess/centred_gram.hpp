#pragma once

#include <Eigen/Dense>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/exact_sum.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/tall_matrix.hpp"

namespace lapatlas {

/// The operator v -> C^T C v, C = X - 1 mean^T the centred matrix of all ranks' rows; C is never formed. X
/// stays sparse and distributed; v and the result are whole on every rank. Sums over rows are exact
/// (SumGrid), so the result is the same bit for bit for any dealing of the rows to ranks and any number of
/// threads; a GPU's class sums its rows in float64.
class CentredGram {
  public:
    /// Collective. Keeps a reference to `local` [local rows, num_genes].
    CentredGram(const Communicator& comm, const ExpressionRows& local);
    virtual ~CentredGram() = default;

    /// Collective. C^T C v for v [num_genes, b] equal on every rank, columns of length at most one.
    RowMatrix apply(const RowMatrix& v) const;

    std::int64_t num_rows() const { return num_rows_; }
    const std::vector<double>& mean() const { return mean_; }
    /// Trace of C^T C: N - 1 times the total variance; zero when the rows do not vary beyond rounding.
    double trace() const { return trace_; }

    const Communicator& comm() const { return comm_; }
    const ExpressionRows& local() const { return local_; }

  private:
    /// Rank-local. This rank's part of X^T C v, with the column sums of C v as last row; shift = mean^T v.
    virtual RowMatrix apply_to_rows(const RowMatrix& v, const Eigen::RowVectorXd& shift) const;
    /// sums[thread] = that thread's part of X^T C v, with the column sums of C v as last row.
    template <int kWidth>
    void add_local(const RowMatrix& v, const Eigen::RowVectorXd& shift, std::vector<RowMatrix>& sums) const;

    Communicator comm_;
    const ExpressionRows& local_;
    std::int64_t num_rows_ = 0;  ///< of all ranks
    std::vector<double> mean_;   // [num_genes]
    double trace_ = 0;
    SumGrid grid_{1};
};

/// Rows of (X - 1 mean^T) v, [rows, v.cols], row by row. `v` is [num_genes, b].
RowMatrix centred_times(const ExpressionRows& rows, std::span<const double> mean,
                        const Eigen::Ref<const RowMatrix>& v);

}  // namespace lapatlas
