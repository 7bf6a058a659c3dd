#pragma once

#include <torch/torch.h>

#include <Eigen/Core>
#include <cstdint>

#include "dist/communicator.hpp"
#include "src/embed/spectral_operator.hpp"

namespace lapatlas {

/// A block of vectors [num_owned, width] on its way to the eigenvectors of largest theta of a
/// SpectralOperator, but for the trivial ones, by Chebyshev-filtered subspace iteration (Zhou et al. 2006):
/// float64, but for the filters, whose rounding the operator answers for.
class FilteredSubspace {
  public:
    /// Collective. `start` [num_owned, width], of any length. Views all but `start`.
    FilteredSubspace(const Communicator& comm, SpectralOperator& graph, const TrivialVectors& trivial,
                     const torch::Tensor& start);

    /// Collective. Filters until |S v - theta v| of the first `count` vectors of unit length is at most
    /// `tolerance`, or `max_filters` times. Returns the largest of these residuals.
    double iterate(std::int64_t count, double tolerance, std::int64_t max_filters);

    /// [num_owned, width], orthonormal, largest theta first.
    torch::Tensor vectors() const { return owned(block_); }
    const Eigen::VectorXd& theta() const { return theta_; }
    /// Of S and the block so far.
    std::int64_t products() const { return products_; }

  private:
    torch::Tensor owned(const torch::Tensor& block) const { return block.narrow(0, 0, graph_.num_owned()); }
    void rotate_to_ritz_vectors();
    double largest_residual(std::int64_t count) const;
    std::int64_t degree_to(double residual, double tolerance, std::int64_t count, double cut) const;
    void filter(double cut, std::int64_t degree);
    void deflate();
    void orthonormalise();

    Communicator comm_;
    SpectralOperator& graph_;
    torch::Tensor component_, trivial_;  // [num_owned], [num_owned, 1]
    torch::Tensor block_;                // [num_local, width]
    torch::Tensor product_;              // [num_owned, width], S times the block
    Eigen::VectorXd theta_;
    std::int64_t products_ = 0;
};

}  // namespace lapatlas
