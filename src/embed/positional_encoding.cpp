#include "src/embed/positional_encoding.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "partition/row_exchange.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorMap = Eigen::Map<Matrix>;

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

/// The block being iterated and everything that acts on it. Rows beyond num_owned are ghosts.
class FilteredSubspace {
  public:
    FilteredSubspace(const Communicator& comm, SpectralOperator& graph, const TrivialVectors& trivial,
                     std::span<const std::int64_t> owned_ids, std::int64_t width, std::uint64_t seed)
        : comm_(comm),
          graph_(graph),
          component_(tensor_of(trivial.component, graph.device())),
          trivial_(tensor_of(trivial.value, graph.device()).unsqueeze(1)) {
        const auto options = torch::TensorOptions(torch::kFloat64);
        torch::Tensor start = torch::zeros({graph.num_local(), width}, options);
        const PlacedRandom random(seed, RandomStream::kEigenStart);
        for (std::size_t r = 0; r < owned_ids.size(); ++r)
            random.fill_normals(static_cast<std::uint64_t>(owned_ids[r]), 0,
                                start.data_ptr<double>() + static_cast<std::int64_t>(r) * width, width);
        block_ = start.to(graph.device());
        work_a_ = torch::zeros_like(block_);
        work_b_ = torch::zeros_like(block_);
        product_ = torch::zeros({graph.num_owned(), width}, block_.options());
        orthonormalise();
    }

    std::int64_t products() const { return products_; }
    torch::Tensor block() const { return owned(block_); }

    /// Rayleigh-Ritz: rotates the block to Ritz vectors, largest theta first, and leaves S V in product_.
    Eigen::VectorXd rotate_to_ritz_vectors() {
        apply(block_);
        const Matrix projected = reduced(comm_, torch::mm(owned(block_).t(), product_));
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((projected + projected.transpose()) / 2);
        const torch::Tensor rotation = placed(solver.eigenvectors().rowwise().reverse(), block_);
        owned(block_).copy_(torch::mm(owned(block_), rotation));
        product_ = torch::mm(product_, rotation);
        return solver.eigenvalues().reverse();
    }

    /// |S v - theta v| of each column; call after rotate_to_ritz_vectors.
    Eigen::VectorXd residuals(const Eigen::VectorXd& theta) const {
        const torch::Tensor defect = product_ - owned(block_) * placed(theta.transpose(), block_);
        return reduced(comm_, defect.square().sum(0, /*keepdim=*/true)).row(0).transpose().cwiseSqrt();
    }

    /// Chebyshev filter of `degree` that damps [-1, cut] and lets theta > cut grow.
    void filter(double cut, std::int64_t degree) {
        const double centre = (cut - 1) / 2, half = (cut + 1) / 2;
        // T_0 = V, T_1 = (S - c) V / e, T_k+1 = 2 (S - c) T_k / e - T_k-1; scaled so that theta = 1 stays
        // bounded.
        const double top = (1 - centre) / half;
        double sigma = 1 / top;
        const double sigma_first = sigma;
        work_a_.copy_(block_);
        apply(work_a_);
        owned(work_b_).copy_(product_).add_(owned(work_a_), -centre).mul_(sigma / half);
        for (std::int64_t k = 2; k <= degree; ++k) {
            const double sigma_next = 1 / (2 / sigma_first - sigma);
            apply(work_b_);
            owned(work_a_)
                .mul_(-sigma * sigma_next)
                .add_(product_, 2 * sigma_next / half)
                .add_(owned(work_b_), -centre * 2 * sigma_next / half);
            std::swap(work_a_, work_b_);
            sigma = sigma_next;
        }
        owned(block_).copy_(owned(work_b_));
        orthonormalise();
    }

  private:
    torch::Tensor owned(const torch::Tensor& block) const { return block.narrow(0, 0, graph_.num_owned()); }

    void deflate() {
        const torch::Tensor overlap = placed(reduced(comm_, graph_.trivial_products(owned(block_))), block_);
        owned(block_).addcmul_(trivial_, overlap.index_select(0, component_), -1);
    }

    /// CholeskyQR2; the first pass is shifted (Fukaya et al. 2020), so that a nearly dependent block does not
    /// break it.
    void orthonormalise() {
        for (int pass = 0; pass < 3; ++pass) {
            deflate();
            Eigen::MatrixXd gram = reduced(comm_, torch::mm(owned(block_).t(), owned(block_)));
            if (pass == 0) gram.diagonal().array() += 1e-13 * gram.trace();
            const Eigen::LLT<Eigen::MatrixXd> factor(gram);
            if (factor.info() != Eigen::Success)
                throw InternalError("positional encodings: the filtered block lost its rank");
            const Matrix inverse =
                factor.matrixU().solve(Eigen::MatrixXd::Identity(gram.rows(), gram.cols()));
            owned(block_).copy_(torch::mm(owned(block_), placed(inverse, block_)));
        }
    }

    void apply(const torch::Tensor& in) {
        graph_.apply(in, product_);
        ++products_;
    }

    Communicator comm_;
    SpectralOperator& graph_;
    torch::Tensor component_, trivial_;      // [num_owned], [num_owned, 1]
    torch::Tensor block_, work_a_, work_b_;  // [num_local, width]
    torch::Tensor product_;                  // [num_owned, width]
    std::int64_t products_ = 0;
};

/// +1 or -1 for each column, so that its entry of largest magnitude (lowest row on a tie) becomes positive.
std::vector<double> column_signs(const Communicator& comm, const Matrix& vectors, std::int64_t count) {
    struct Extreme {
        double magnitude;
        double sign;
    };
    std::vector<Extreme> mine(static_cast<std::size_t>(count), {-1, 1});
    for (std::int64_t r = 0; r < vectors.rows(); ++r) {
        for (std::int64_t m = 0; m < count; ++m) {
            Extreme& best = mine[static_cast<std::size_t>(m)];
            const double value = vectors(r, m);
            // Magnitudes that differ by rounding alone count as equal: the lower row decides on any number of
            // ranks.
            if (std::abs(value) > best.magnitude * (1 + 1e-9))
                best = {std::abs(value), value < 0 ? -1.0 : 1.0};
        }
    }
    const std::vector<Extreme> all = all_gather_v<Extreme>(comm, mine);
    std::vector<double> signs;
    for (std::int64_t m = 0; m < count; ++m) {
        Extreme best{-1, 1};
        for (int r = 0; r < comm.size(); ++r) {
            const Extreme& theirs = all[static_cast<std::size_t>(r * count + m)];
            if (theirs.magnitude > best.magnitude * (1 + 1e-9)) best = theirs;
        }
        signs.push_back(best.sign);
    }
    return signs;
}

}  // namespace

PositionalEncoding positional_encoding(const Communicator& comm, const DistributedGraph& graph,
                                       const Components& components, const PositionalEncodingOptions& options,
                                       const MakeSpectralOperator& make_operator) {
    const torch::NoGradGuard no_grad;
    const std::int64_t available = std::max<std::int64_t>(0, graph.num_rows - components.count);
    PositionalEncoding encoding;
    encoding.count = std::min(options.count, available);
    if (encoding.count == 0) return encoding;
    // Guard vectors: the filter's cut lies below the wanted values, and a cluster of equal values is not torn
    // apart.
    const std::int64_t width =
        std::min(available, encoding.count + std::max<std::int64_t>(8, encoding.count / 2));

    const IndexMap map = IndexMap::blocks(graph.num_rows, comm.size());
    const GraphShard shard = build_graph_shard(comm, map, graph.row_offsets, graph.columns);
    const TrivialVectors trivial = trivial_vectors(comm, shard, components);
    const std::unique_ptr<SpectralOperator> spectral = make_operator(comm, shard, trivial);
    FilteredSubspace subspace(comm, *spectral, trivial, shard.owned_ids, width, options.seed);
    Eigen::VectorXd theta = subspace.rotate_to_ritz_vectors();
    const auto largest_residual = [&] { return subspace.residuals(theta).head(encoding.count).maxCoeff(); };
    encoding.largest_residual = largest_residual();
    for (std::int64_t i = 0; encoding.largest_residual > options.residual_tolerance; ++i) {
        if (i == options.max_iterations)
            throw InternalError("positional encodings: residual " +
                                std::to_string(encoding.largest_residual) + " after " + std::to_string(i) +
                                " iterations; lower prepare.encodings");
        subspace.filter(std::clamp(theta(width - 1), -0.9, 0.999), options.filter_degree);
        theta = subspace.rotate_to_ritz_vectors();
        encoding.largest_residual = largest_residual();
    }
    encoding.block_products = subspace.products();

    const torch::Tensor on_host = subspace.block().narrow(1, 0, encoding.count).to(torch::kCPU).contiguous();
    const Matrix vectors =
        Eigen::Map<const Matrix>(on_host.const_data_ptr<double>(), shard.num_owned, encoding.count);
    const std::vector<double> signs = column_signs(comm, vectors, encoding.count);
    const double scale = std::sqrt(static_cast<double>(graph.num_rows));
    encoding.vectors.resize(static_cast<std::size_t>(shard.num_owned * encoding.count));
    RowMajorMap out(encoding.vectors.data(), shard.num_owned, encoding.count);
    for (std::int64_t m = 0; m < encoding.count; ++m) {
        out.col(m) = vectors.col(m) * (signs[static_cast<std::size_t>(m)] * scale);
        encoding.eigenvalues.push_back(1 - theta(m));
    }
    return encoding;
}

std::vector<double> extend_encoding(const Communicator& comm, const DistributedGraph& graph,
                                    const PositionalEncoding& encoding,
                                    std::span<const std::int64_t> neighbours, std::int64_t k) {
    std::vector<std::int64_t> wanted;
    for (const std::int64_t row : neighbours)
        if (row >= 0) wanted.push_back(row);
    std::vector<double> root_degrees;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        root_degrees.push_back(std::sqrt(static_cast<double>(graph.degree(r))));
    const std::vector<double> neighbour_roots =
        fetch_rows<double>(comm, graph.num_rows, root_degrees, 1, wanted);
    const std::vector<double> vectors =
        fetch_rows<double>(comm, graph.num_rows, encoding.vectors, encoding.count, wanted);

    const std::int64_t cells = k == 0 ? 0 : static_cast<std::int64_t>(neighbours.size()) / k;
    std::vector<double> extended(static_cast<std::size_t>(cells * encoding.count), 0);
    std::size_t next = 0;
    for (std::int64_t i = 0; i < cells; ++i) {
        double* own = extended.data() + i * encoding.count;
        std::int64_t degree = 0;
        for (std::int64_t j = 0; j < k; ++j) {
            if (neighbours[static_cast<std::size_t>(i * k + j)] < 0) continue;
            const double* theirs = vectors.data() + static_cast<std::int64_t>(next) * encoding.count;
            for (std::int64_t m = 0; m < encoding.count; ++m) own[m] += theirs[m] / neighbour_roots[next];
            ++next;
            ++degree;
        }
        for (std::int64_t m = 0; m < encoding.count; ++m) {
            const double theta = 1 - encoding.eigenvalues[static_cast<std::size_t>(m)];
            // An eigenvalue of S next to zero carries nothing to extend by.
            own[m] = degree == 0 || std::abs(theta) < 1e-3
                         ? 0
                         : own[m] / (theta * std::sqrt(static_cast<double>(degree)));
        }
    }
    return extended;
}

}  // namespace lapatlas
