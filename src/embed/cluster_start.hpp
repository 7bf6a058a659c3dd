#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>

#include "dist/communicator.hpp"
#include "partition/cluster_order.hpp"
#include "partition/distributed_graph.hpp"

namespace lapatlas {

/// A graph's rows in clusters: cluster c is rows [offsets[c], offsets[c + 1]). Equal on every rank.
struct ClusteredRows {
    std::span<const std::int64_t> offsets;
    ClusterGraphView graph;
};

/// Collective. A block [rows of this rank, width] near the eigenvectors of S = D^-1/2 A D^-1/2 of largest
/// theta, the trivial ones left out: those of S among vectors that are D^1/2 times a constant on each cluster
/// (Rayleigh-Ritz on the graph of clusters), and a little noise keyed by row and `seed`, so that the block
/// has full rank. Undefined where there are too few clusters for it.
torch::Tensor start_from_clusters(const Communicator& comm, const DistributedGraph& graph,
                                  const ClusteredRows& clusters, std::int64_t width, std::uint64_t seed);

/// Rank-local. The same of noise alone.
torch::Tensor random_start(const DistributedGraph& graph, std::int64_t width, std::uint64_t seed);

}  // namespace lapatlas
