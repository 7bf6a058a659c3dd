#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "partition/components.hpp"
#include "partition/distributed_graph.hpp"
#include "src/embed/cluster_start.hpp"
#include "src/embed/spectral_operator.hpp"

namespace lapatlas {

struct PositionalEncodingOptions {
    std::int64_t count = 16;           ///< encodings wanted; lowered where the graph has fewer eigenvectors
    double residual_tolerance = 1e-5;  ///< of |S v - theta v| with |v| = 1
    std::int64_t max_filters = 200;
    std::uint64_t seed = 0;
    ClusteredRows clusters{};  ///< where known: the iteration starts from the eigenvectors of their graph
};

struct PositionalEncoding {
    std::int64_t count = 0;
    std::vector<double> eigenvalues;  // [count] of L_norm, ascending, none of the trivial zeros
    std::vector<double> vectors;      // [rows of this rank, count] times sqrt(N), row-major
    double largest_residual = 0;
    std::int64_t block_products = 0;
};

using MakeSpectralOperator = std::function<std::unique_ptr<SpectralOperator>(
    const Communicator&, const GraphShard&, const TrivialVectors&)>;

/// Collective. The eigenvectors of L = I - D^-1/2 A D^-1/2 with the smallest non-zero eigenvalues
/// (LapDDPM 3.1), by block Chebyshev-filtered subspace iteration (Zhou et al. 2006). Filters may run in
/// float32 (SpectralOperator), Rayleigh-Ritz and residuals are float64. The trivial zero of every connected
/// component (D^1/2 1_c) is deflated, not only one. Vectors are scaled by sqrt(N), so that entries do not
/// vanish on large data, and signed so that the entry of largest magnitude is positive. The start block
/// depends on global rows and clusters alone: the result does not depend on the number of ranks. Throws
/// InternalError when the residuals do not fall. Blocks are where `make_operator` has them.
PositionalEncoding positional_encoding(const Communicator& comm, const DistributedGraph& graph,
                                       const Components& components, const PositionalEncodingOptions& options,
                                       const MakeSpectralOperator& make_operator = make_spectral_operator);

/// Collective. Encodings of cells outside the graph (Nystrom): p_im = theta_m^-1 sum_j (d_i d_j)^-1/2 p_jm
/// over the directed neighbours j of i, theta_m = 1 - eigenvalue m, d_i the number of them. `neighbours`
/// [cells, k] are rows of `graph`, negative ones are skipped. Returns [cells, count].
std::vector<double> extend_encoding(const Communicator& comm, const DistributedGraph& graph,
                                    const PositionalEncoding& encoding,
                                    std::span<const std::int64_t> neighbours, std::int64_t k);

}  // namespace lapatlas
