#include "src/embed/positional_encoding.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/memory_use.hpp"
#include "partition/row_exchange.hpp"
#include "src/embed/filtered_subspace.hpp"

namespace lapatlas {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorMap = Eigen::Map<Matrix>;

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
    const ReusedMemory reused;  // blocks of every step are as large as those of the one before
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
    torch::Tensor start;
    if (!options.clusters.offsets.empty())
        start = start_from_clusters(comm, graph, options.clusters, width, options.seed);
    if (!start.defined()) start = random_start(graph, width, options.seed);
    FilteredSubspace subspace(comm, *spectral, trivial, start);
    encoding.largest_residual =
        subspace.iterate(encoding.count, options.residual_tolerance, options.max_filters);
    if (encoding.largest_residual > options.residual_tolerance)
        throw InternalError("positional encodings: residual " + std::to_string(encoding.largest_residual) +
                            " after " + std::to_string(options.max_filters) +
                            " filters; lower prepare.encodings");
    encoding.block_products = subspace.products();

    const torch::Tensor on_host =
        subspace.vectors().narrow(1, 0, encoding.count).to(torch::kCPU).contiguous();
    const Matrix vectors =
        Eigen::Map<const Matrix>(on_host.const_data_ptr<double>(), shard.num_owned, encoding.count);
    const std::vector<double> signs = column_signs(comm, vectors, encoding.count);
    const double scale = std::sqrt(static_cast<double>(graph.num_rows));
    encoding.vectors.resize(static_cast<std::size_t>(shard.num_owned * encoding.count));
    RowMajorMap out(encoding.vectors.data(), shard.num_owned, encoding.count);
    for (std::int64_t m = 0; m < encoding.count; ++m) {
        out.col(m) = vectors.col(m) * (signs[static_cast<std::size_t>(m)] * scale);
        encoding.eigenvalues.push_back(1 - subspace.theta()(m));
    }
    return encoding;
}

std::vector<double> extend_encoding(const Communicator& comm, const DistributedGraph& graph,
                                    const PositionalEncoding& encoding,
                                    std::span<const std::int64_t> neighbours, std::int64_t k) {
    std::vector<double> root_degrees;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        root_degrees.push_back(std::sqrt(static_cast<double>(graph.degree(r))));

    // Neighbours' vectors are many times what comes of them: some cells at a time.
    constexpr std::int64_t kCells = 8192;
    const std::int64_t cells = k == 0 ? 0 : static_cast<std::int64_t>(neighbours.size()) / k;
    const std::int64_t rounds = all_reduce_max(comm, (cells + kCells - 1) / kCells);
    std::vector<double> extended(static_cast<std::size_t>(cells * encoding.count), 0);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t first = std::min(cells, round * kCells), last = std::min(cells, first + kCells);
        std::vector<std::int64_t> wanted;
        for (const std::int64_t row : neighbours.subspan(static_cast<std::size_t>(first * k),
                                                         static_cast<std::size_t>((last - first) * k)))
            if (row >= 0) wanted.push_back(row);
        const std::vector<double> neighbour_roots =
            fetch_rows<double>(comm, graph.num_rows, root_degrees, 1, wanted);
        const std::vector<double> vectors =
            fetch_rows<double>(comm, graph.num_rows, encoding.vectors, encoding.count, wanted);
        std::size_t next = 0;
        for (std::int64_t i = first; i < last; ++i) {
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
    }
    return extended;
}

}  // namespace lapatlas
