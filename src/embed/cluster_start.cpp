#include "src/embed/cluster_start.hpp"

#include <Eigen/SparseCore>
#include <cmath>
#include <vector>

#include "dist/collectives.hpp"
#include "partition/components.hpp"
#include "src/embed/filtered_subspace.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// S of the graph of clusters: the number of edges between two over the root of the product of their volumes,
/// the diagonal included.
class ClusterOperator : public SpectralOperator {
  public:
    ClusterOperator(const ClusterGraphView& graph, std::span<const std::int64_t> volumes,
                    const TrivialVectors& trivial)
        : trivial_(trivial) {
        const auto clusters = static_cast<std::int64_t>(volumes.size());
        std::vector<Eigen::Triplet<double>> entries;
        for (std::int64_t c = 0; c < clusters; ++c) {
            const auto from = static_cast<std::size_t>(c);
            const double volume = static_cast<double>(volumes[from]);
            if (volume == 0) continue;
            double inside = volume;
            for (auto e = static_cast<std::size_t>(graph.offsets[from]);
                 e < static_cast<std::size_t>(graph.offsets[from + 1]); ++e) {
                const std::int32_t to = graph.neighbours[e];
                const auto edges = static_cast<double>(graph.edges[e]);
                inside -= edges;
                entries.emplace_back(
                    c, to,
                    edges / std::sqrt(volume * static_cast<double>(volumes[static_cast<std::size_t>(to)])));
            }
            entries.emplace_back(c, c, inside / volume);
        }
        matrix_.resize(clusters, clusters);
        matrix_.setFromTriplets(entries.begin(), entries.end());
    }
    torch::Device device() const override { return torch::kCPU; }
    std::int64_t num_owned() const override { return matrix_.rows(); }
    std::int64_t num_local() const override { return matrix_.rows(); }
    void apply(const torch::Tensor& in, const torch::Tensor& out) override { view(out) = matrix_ * view(in); }
    torch::Tensor trivial_products(const torch::Tensor& block) override {
        return trivial_products_on_host(trivial_, block);
    }

  private:
    static Eigen::Map<Matrix> view(const torch::Tensor& block) {
        return {block.data_ptr<double>(), block.size(0), block.size(1)};
    }
    Eigen::SparseMatrix<double, Eigen::RowMajor, std::int64_t> matrix_;
    const TrivialVectors& trivial_;
};

/// The graph of clusters as a graph of rows of one rank.
DistributedGraph graph_of_clusters(const ClusterGraphView& view) {
    DistributedGraph graph;
    graph.num_rows = static_cast<std::int64_t>(view.offsets.size()) - 1;
    graph.rows = {0, graph.num_rows};
    graph.row_offsets.assign(view.offsets.begin(), view.offsets.end());
    graph.columns.assign(view.neighbours.begin(), view.neighbours.end());
    return graph;
}

torch::Tensor noise(std::int64_t first_row, std::int64_t rows, std::int64_t width, std::uint64_t seed) {
    torch::Tensor block = torch::empty({rows, width}, torch::kFloat64);
    const PlacedRandom random(seed, RandomStream::kEigenStart);
    for (std::int64_t r = 0; r < rows; ++r)
        random.fill_normals(static_cast<std::uint64_t>(first_row + r), 0,
                            block.data_ptr<double>() + r * width, width);
    return block;
}

}  // namespace

torch::Tensor random_start(const DistributedGraph& graph, std::int64_t width, std::uint64_t seed) {
    return noise(graph.rows.begin, graph.rows.size(), width, seed);
}

torch::Tensor start_from_clusters(const Communicator& comm, const DistributedGraph& graph,
                                  const ClusteredRows& clusters, std::int64_t width, std::uint64_t seed) {
    constexpr std::int64_t kClustersAVector = 8;
    constexpr double kTolerance = 1e-3, kNoise = 1e-3;  // coarse vectors are no better than that
    constexpr std::int64_t kFilters = 50;
    const std::int64_t num_clusters = static_cast<std::int64_t>(clusters.offsets.size()) - 1;
    if (num_clusters < kClustersAVector * width) return {};

    std::vector<std::int64_t> volumes(static_cast<std::size_t>(num_clusters), 0), of_row;
    std::int64_t cluster = 0;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r) {
        while (graph.rows.begin + r >= clusters.offsets[static_cast<std::size_t>(cluster) + 1]) ++cluster;
        of_row.push_back(cluster);
        volumes[static_cast<std::size_t>(cluster)] += graph.degree(r);
    }
    all_reduce_sum(comm, std::span<std::int64_t>(volumes));

    const Communicator self = Communicator::self();
    const Components components = find_components(self, graph_of_clusters(clusters.graph));
    if (num_clusters - components.count < kClustersAVector * width) return {};
    const TrivialVectors trivial =
        trivial_vectors(self, components, std::vector<double>(volumes.begin(), volumes.end()));
    ClusterOperator coarse(clusters.graph, volumes, trivial);
    FilteredSubspace subspace(self, coarse, trivial, noise(0, num_clusters, width, seed));
    subspace.iterate(width, kTolerance, kFilters);

    const torch::Tensor coarse_vectors = subspace.vectors().contiguous();
    torch::Tensor block = random_start(graph, width, seed);
    block.mul_(kNoise / std::sqrt(static_cast<double>(graph.num_rows)));
    for (std::int64_t r = 0; r < graph.rows.size(); ++r) {
        const std::int64_t c = of_row[static_cast<std::size_t>(r)];
        const std::int64_t volume = volumes[static_cast<std::size_t>(c)];
        if (volume == 0) continue;
        const double share = std::sqrt(static_cast<double>(graph.degree(r)) / static_cast<double>(volume));
        const double* from = coarse_vectors.const_data_ptr<double>() + c * width;
        double* to = block.data_ptr<double>() + r * width;
        for (std::int64_t j = 0; j < width; ++j) to[j] += share * from[j];
    }
    return block;
}

}  // namespace lapatlas
