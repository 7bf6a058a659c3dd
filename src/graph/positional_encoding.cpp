#include "src/graph/positional_encoding.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "partition/row_exchange.hpp"
#include "src/graph/laplacian.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorMap = Eigen::Map<Matrix>;

Matrix reduced(const Communicator& comm, Matrix local) {
    all_reduce_sum(comm, std::span<double>(local.data(), static_cast<std::size_t>(local.size())));
    return local;
}

/// The block being iterated and everything that acts on it. Rows beyond num_owned are ghosts.
class FilteredSubspace {
  public:
    FilteredSubspace(const Communicator& comm, const GraphShard& shard, const Components& components,
                     std::int64_t width, std::uint64_t seed)
        : comm_(comm), adjacency_(comm, shard), owned_(shard.num_owned), width_(width) {
        find_trivial_vectors(shard, components);
        block_ = Matrix::Zero(adjacency_.num_local(), width);
        work_a_ = block_;
        work_b_ = block_;
        product_ = Matrix::Zero(owned_, width);
        const PlacedRandom random(seed, RandomStream::kEigenStart);
        for (std::int64_t r = 0; r < owned_; ++r)
            random.fill_normals(static_cast<std::uint64_t>(shard.owned_ids[static_cast<std::size_t>(r)]), 0,
                                block_.row(r).data(), width);
        orthonormalise();
    }

    std::int64_t products() const { return products_; }
    const Matrix& block() const { return block_; }

    /// Rayleigh-Ritz: rotates the block to Ritz vectors, largest theta first, and leaves S V in product_.
    Eigen::VectorXd rotate_to_ritz_vectors() {
        apply(block_);
        const Matrix projected = reduced(comm_, block_.topRows(owned_).transpose() * product_);
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((projected + projected.transpose()) / 2);
        const Eigen::MatrixXd rotation = solver.eigenvectors().rowwise().reverse();
        block_.topRows(owned_) = (block_.topRows(owned_) * rotation).eval();
        product_ = (product_ * rotation).eval();
        return solver.eigenvalues().reverse();
    }

    /// |S v - theta v| of each column; call after rotate_to_ritz_vectors.
    Eigen::VectorXd residuals(const Eigen::VectorXd& theta) const {
        const Matrix defect = product_ - (block_.topRows(owned_) * theta.asDiagonal());
        const Matrix squares = reduced(comm_, defect.colwise().squaredNorm());
        return squares.row(0).transpose().cwiseSqrt();
    }

    /// Chebyshev filter of `degree` that damps [-1, cut] and lets theta > cut grow.
    void filter(double cut, std::int64_t degree) {
        const double centre = (cut - 1) / 2, half = (cut + 1) / 2;
        // T_0 = V, T_1 = (S - c) V / e, T_k+1 = 2 (S - c) T_k / e - T_k-1; scaled so that theta = 1 stays
        // bounded.
        const double top = (1 - centre) / half;
        double sigma = 1 / top;
        const double sigma_first = sigma;
        work_a_ = block_;
        apply(work_a_);
        work_b_.topRows(owned_) = (product_ - centre * work_a_.topRows(owned_)) * (sigma / half);
        for (std::int64_t k = 2; k <= degree; ++k) {
            const double sigma_next = 1 / (2 / sigma_first - sigma);
            apply(work_b_);
            work_a_.topRows(owned_) =
                (product_ - centre * work_b_.topRows(owned_)) * (2 * sigma_next / half) -
                (sigma * sigma_next) * work_a_.topRows(owned_);
            std::swap(work_a_, work_b_);
            sigma = sigma_next;
        }
        block_.topRows(owned_) = work_b_.topRows(owned_);
        orthonormalise();
    }

  private:
    /// D^1/2 1_c of each component, normalised; a component of one isolated row has none (its row of S is
    /// zero).
    void find_trivial_vectors(const GraphShard& shard, const Components& components) {
        component_ = components.of_row;
        trivial_.assign(static_cast<std::size_t>(owned_), 0);
        std::vector<double> mass(static_cast<std::size_t>(components.count), 0);
        for (std::int64_t r = 0; r < owned_; ++r)
            mass[static_cast<std::size_t>(component_[static_cast<std::size_t>(r)])] +=
                static_cast<double>(shard.neighbours(r).size());
        all_reduce_sum(comm_, std::span<double>(mass));
        for (std::int64_t r = 0; r < owned_; ++r) {
            const double total = mass[static_cast<std::size_t>(component_[static_cast<std::size_t>(r)])];
            if (total > 0)
                trivial_[static_cast<std::size_t>(r)] =
                    std::sqrt(static_cast<double>(shard.neighbours(r).size()) / total);
        }
        num_components_ = components.count;
    }

    void deflate() {
        Matrix overlap = Matrix::Zero(num_components_, width_);
        for (std::int64_t r = 0; r < owned_; ++r)
            overlap.row(component_[static_cast<std::size_t>(r)]) +=
                trivial_[static_cast<std::size_t>(r)] * block_.row(r);
        overlap = reduced(comm_, std::move(overlap));
        for (std::int64_t r = 0; r < owned_; ++r)
            block_.row(r) -=
                trivial_[static_cast<std::size_t>(r)] * overlap.row(component_[static_cast<std::size_t>(r)]);
    }

    /// CholeskyQR2; the first pass is shifted (Fukaya et al. 2020), so that a nearly dependent block does not
    /// break it.
    void orthonormalise() {
        for (int pass = 0; pass < 3; ++pass) {
            deflate();
            Eigen::MatrixXd gram =
                reduced(comm_, block_.topRows(owned_).transpose() * block_.topRows(owned_));
            if (pass == 0) gram.diagonal().array() += 1e-13 * gram.trace();
            const Eigen::LLT<Eigen::MatrixXd> factor(gram);
            if (factor.info() != Eigen::Success)
                throw InternalError("positional encodings: the filtered block lost its rank");
            if (owned_ == 0) continue;  // Eigen takes no empty right-hand side
            block_.topRows(owned_) =
                factor.matrixU().solve<Eigen::OnTheRight>(Eigen::MatrixXd(block_.topRows(owned_))).eval();
        }
    }

    void apply(Matrix& in) {
        adjacency_.apply(in.data(), product_.data(), width_);
        ++products_;
    }

    Communicator comm_;
    NormalisedAdjacency adjacency_;
    std::int64_t owned_;
    std::int64_t width_;
    Matrix block_, work_a_, work_b_;  // [num_local, width]
    Matrix product_;                  // [num_owned, width]
    std::vector<std::int64_t> component_;
    std::vector<double> trivial_;
    std::int64_t num_components_ = 0;
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
                                       const Components& components,
                                       const PositionalEncodingOptions& options) {
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
    FilteredSubspace subspace(comm, shard, components, width, options.seed);
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

    const Matrix vectors = subspace.block().topLeftCorner(shard.num_owned, encoding.count);
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
