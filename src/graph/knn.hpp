#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/graph/block_search.hpp"

namespace lapatlas {

// Points are rows of p float64 coordinates, dealt to the ranks in order: rank 0 holds the first global rows,
// rank 1 the next, any number each (block_of_rank is usual). Distances are Euclidean, compared as exact
// float64 sums over the coordinates in a fixed order with ties broken by the lower global row, so edges do
// not depend on the number of ranks or threads. All functions throw InternalError when a coordinate is not
// finite.

/// Directed edges from each local row to its nearest points.
struct KnnGraph {
    std::int64_t k = 0;  ///< neighbours a row; fewer than asked for when there are not as many points
    std::vector<std::int64_t> neighbours;  // [local rows, k], global rows, nearest first
    std::vector<float> squared_distances;  // [local rows, k], ascending
};

/// Collective. The k nearest other points of every point (itself excluded, duplicates of it not): exact, N^2
/// work. k is lowered to N - 1 when there are fewer points. Blocks of points travel around the ranks while
/// the ranks search the block they have.
KnnGraph knn_exact(const Communicator& comm, std::span<const double> points, std::int64_t p, std::int64_t k,
                   const BlockSearch& search = cpu_block_search());

/// Collective. The k nearest of the `base` points for every local query; k is lowered to the number of base
/// points. For held-out cells against training cells. Exact.
KnnGraph knn_query(const Communicator& comm, std::span<const double> queries, std::span<const double> base,
                   std::int64_t p, std::int64_t k, const BlockSearch& search = cpu_block_search());

struct ApproximateKnnOptions {
    std::uint64_t seed = 0;
    std::int64_t lists = 0;      ///< inverted lists; 0: about sqrt(N)
    std::int64_t probes = 0;     ///< lists searched for a point; 0: as many as `recall` needs
    double recall = 0.993;       ///< share of the true neighbours that a sample must have in them
    std::int64_t sample = 2000;  ///< points, about, that this is measured on
};

/// The points of all ranks in the lists that a k-means makes, each compared with the points of the nearest
/// few lists (inverted file: Jegou, Douze & Schmid 2011). How many lists that takes depends on the data, from
/// a few to a tenth of all where neighbours differ by noise: the true neighbours of a sample tell. Among
/// equally distant points the choice is deterministic but not by the lower row.
class NeighbourIndex {
  public:
    /// Collective.
    NeighbourIndex(const Communicator& comm, std::span<const double> points, std::int64_t p, std::int64_t k,
                   const ApproximateKnnOptions& options);
    ~NeighbourIndex();
    /// Collective. As knn_exact. Measure with knn_recall.
    KnnGraph graph() const;
    /// Collective. As knn_query: local queries look in the lists nearest to them.
    KnnGraph query(std::span<const double> queries) const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Collective. The graph of a NeighbourIndex.
KnnGraph knn_approximate(const Communicator& comm, std::span<const double> points, std::int64_t p,
                         std::int64_t k, const ApproximateKnnOptions& options);

/// Collective. The share of the true k nearest neighbours (brute force) that `graph` over the same points
/// holds, over about `sample` rows chosen by a hash of the global row; an equally distant point counts as
/// found. 1 for a graph without edges.
double knn_recall(const Communicator& comm, std::span<const double> points, std::int64_t p,
                  const KnnGraph& graph, std::int64_t sample = 1000, std::uint64_t seed = 0);

}  // namespace lapatlas
