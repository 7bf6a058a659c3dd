#include "src/embed/filtered_subspace.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/embed/tensor_of.hpp"

namespace lapatlas {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Few products between two orthonormalisations cost more of the latter; many are wasted on a cut that a
/// rough block sets too low, and let columns grow apart.
constexpr std::int64_t kFewestProducts = 6, kMostProducts = 32;

/// A small matrix on the device of `like`.
torch::Tensor placed(Matrix matrix, const torch::Tensor& like) {
    return torch::from_blob(matrix.data(), {matrix.rows(), matrix.cols()}, torch::kFloat64)
        .to(like.device(), torch::kFloat64, /*non_blocking=*/false, /*copy=*/true);
}

/// Collective. The sum over ranks of a small matrix, on the host.
Matrix reduced(const Communicator& comm, const torch::Tensor& local) {
    const torch::Tensor on_host = local.to(torch::kCPU).contiguous();
    Matrix sum = Eigen::Map<const Matrix>(on_host.const_data_ptr<double>(), local.size(0), local.size(1));
    all_reduce_sum(comm, std::span<double>(sum.data(), static_cast<std::size_t>(sum.size())));
    return sum;
}

/// What maps [-1, cut], which a filter damps, to [-1, 1].
struct DampedInterval {
    explicit DampedInterval(double cut) : centre((cut - 1) / 2), half((cut + 1) / 2) {}
    double centre, half;
};

}  // namespace

FilteredSubspace::FilteredSubspace(const Communicator& comm, SpectralOperator& graph,
                                   const TrivialVectors& trivial, const torch::Tensor& start)
    : comm_(comm),
      graph_(graph),
      component_(tensor_of(trivial.component, graph.device())),
      trivial_(tensor_of(trivial.value, graph.device()).unsqueeze(1)) {
    block_ = torch::zeros({graph.num_local(), start.size(1)},
                          torch::TensorOptions(torch::kFloat64).device(graph.device()));
    owned(block_).copy_(start);
    product_ = torch::zeros({graph.num_owned(), start.size(1)}, block_.options());
    orthonormalise();
    rotate_to_ritz_vectors();
}

double FilteredSubspace::iterate(std::int64_t count, double tolerance, std::int64_t max_filters) {
    double residual = largest_residual(count);
    for (std::int64_t i = 0; residual > tolerance && i < max_filters; ++i) {
        const double cut = std::clamp(theta_(theta_.size() - 1), -0.9, 0.999);
        filter(cut, degree_to(residual, tolerance, count, cut));
        rotate_to_ritz_vectors();
        residual = largest_residual(count);
    }
    return residual;
}

/// Rayleigh-Ritz: rotates the block to Ritz vectors, largest theta first, and leaves S V in product_.
void FilteredSubspace::rotate_to_ritz_vectors() {
    graph_.apply(block_, product_);
    ++products_;
    const Matrix projected = reduced(comm_, torch::mm(owned(block_).t(), product_));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((projected + projected.transpose()) / 2);
    const torch::Tensor rotation = placed(solver.eigenvectors().rowwise().reverse(), block_);
    owned(block_).copy_(torch::mm(owned(block_), rotation));
    product_ = torch::mm(product_, rotation);
    theta_ = solver.eigenvalues().reverse();
}

double FilteredSubspace::largest_residual(std::int64_t count) const {
    const torch::Tensor theta = placed(theta_.head(count).transpose(), block_);
    const torch::Tensor defect =
        (owned(block_).narrow(1, 0, count) * theta).sub_(product_.narrow(1, 0, count));
    return std::sqrt(reduced(comm_, defect.square_().sum(0, /*keepdim=*/true)).maxCoeff());
}

/// Products until the last wanted vector has grown over those at the cut by what its residual lacks.
std::int64_t FilteredSubspace::degree_to(double residual, double tolerance, std::int64_t count,
                                         double cut) const {
    const DampedInterval damped(cut);
    const double rate = std::acosh(std::max(1 + 1e-6, (theta_(count - 1) - damped.centre) / damped.half));
    const double wanted = std::log(4 * residual / tolerance) / rate;
    return static_cast<std::int64_t>(std::clamp(std::ceil(wanted), static_cast<double>(kFewestProducts),
                                                static_cast<double>(kMostProducts)));
}

/// Chebyshev filter of `degree` that damps [-1, cut] and lets theta > cut grow.
void FilteredSubspace::filter(double cut, std::int64_t degree) {
    const DampedInterval damped(cut);
    // T_0 = V, T_1 = (S - c) V / e, T_k+1 = 2 (S - c) T_k / e - T_k-1; scaled so that theta = 1 stays
    // bounded.
    const double first = damped.half / (1 - damped.centre);
    double sigma = first;
    torch::Tensor before = graph_.filter_block(block_), latest = torch::zeros_like(before);
    graph_.filter_step(before, sigma / damped.half, -damped.centre * sigma / damped.half, 0, latest);
    for (std::int64_t k = 2; k <= degree; ++k) {
        const double next = 1 / (2 / first - sigma), scale = 2 * next / damped.half;
        graph_.filter_step(latest, scale, -damped.centre * scale, -sigma * next, before);
        std::swap(before, latest);
        sigma = next;
    }
    products_ += degree;
    graph_.read_filter_block(latest, block_);
    orthonormalise();
}

void FilteredSubspace::deflate() {
    const torch::Tensor overlap = placed(reduced(comm_, graph_.trivial_products(owned(block_))), block_);
    owned(block_).addcmul_(trivial_, overlap.index_select(0, component_), -1);
}

/// CholeskyQR, again until the block was orthogonal before the pass already; the first pass is of columns of
/// unit length and shifted (Fukaya et al. 2020), so that a nearly dependent block does not break it.
void FilteredSubspace::orthonormalise() {
    constexpr double kNearly = 1e-2;  // one more pass leaves rounding alone
    for (int pass = 0; pass < 3; ++pass) {
        deflate();
        Eigen::MatrixXd gram = reduced(comm_, torch::mm(owned(block_).t(), owned(block_)));
        const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(gram.rows(), gram.cols());
        const bool is_last = (gram - identity).cwiseAbs().maxCoeff() < kNearly;
        const Eigen::VectorXd scale = gram.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        gram = scale.asDiagonal() * gram * scale.asDiagonal();
        if (pass == 0) gram.diagonal().array() += 1e-13 * gram.trace();
        const Eigen::LLT<Eigen::MatrixXd> factor(gram);
        if (factor.info() != Eigen::Success)
            throw InternalError("positional encodings: the filtered block lost its rank");
        const Matrix inverse = scale.asDiagonal() * Eigen::MatrixXd(factor.matrixU().solve(identity));
        owned(block_).copy_(torch::mm(owned(block_), placed(inverse, block_)));
        if (is_last) return;
    }
}

}  // namespace lapatlas
