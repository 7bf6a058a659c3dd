#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/components.hpp"
#include "partition/graph_shard.hpp"

namespace lapatlas {

/// D^1/2 1_c of each connected component of a graph, normalised: the eigenvectors of eigenvalue zero of
/// L_norm. No two are other than zero in one row.
struct TrivialVectors {
    std::int64_t count = 0;               ///< of components
    std::vector<std::int64_t> component;  // [rows of this rank]
    std::vector<double> value;            // [rows of this rank]; 0 of an isolated row
};

/// Collective. `degrees` [rows of this rank].
TrivialVectors trivial_vectors(const Communicator& comm, const Components& components,
                               std::span<const double> degrees);
TrivialVectors trivial_vectors(const Communicator& comm, const GraphShard& shard,
                               const Components& components);

/// Rank-local. This rank's part of trivial^T block, [components, width]; block [rows, width] float64 on the
/// host.
torch::Tensor trivial_products_on_host(const TrivialVectors& trivial, const torch::Tensor& block);

/// S = D^-1/2 A D^-1/2 = I - L_norm (LapDDPM 3.1) and the trivial vectors, applied to blocks of vectors:
/// contiguous float64 tensors [rows, width] on the device where it computes.
class SpectralOperator {
  public:
    virtual ~SpectralOperator() = default;
    virtual torch::Device device() const = 0;
    virtual std::int64_t num_owned() const = 0;
    /// Rows of a block that apply() can read: owned and ghosts.
    virtual std::int64_t num_local() const = 0;
    /// Collective. out [num_owned, width] = S in [num_local, width], whose ghost rows are overwritten.
    virtual void apply(const torch::Tensor& in, const torch::Tensor& out) = 0;
    /// Rank-local. The blocks of a filter, a polynomial of S of many terms whose rounding the next filter
    /// damps: the operator's own kind, made of a block [num_local, width] and read back into its owned rows.
    virtual torch::Tensor filter_block(const torch::Tensor& block) { return block.clone(); }
    virtual void read_filter_block(const torch::Tensor& filtered, const torch::Tensor& block) {
        block.copy_(filtered);
    }
    /// Collective. out = a S in + b in + c out in their owned rows; the ghost rows of `in` are overwritten.
    virtual void filter_step(const torch::Tensor& in, double a, double b, double c, const torch::Tensor& out);
    /// Rank-local. This rank's part of trivial^T block, [components, width]; block [num_owned, width].
    virtual torch::Tensor trivial_products(const torch::Tensor& block) = 0;
};

/// Collective. On the CPU. Views shard and trivial.
std::unique_ptr<SpectralOperator> make_spectral_operator(const Communicator& comm, const GraphShard& shard,
                                                         const TrivialVectors& trivial);

}  // namespace lapatlas
