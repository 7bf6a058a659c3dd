#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "partition/graph_shard.hpp"

namespace lapatlas {

struct EdgePerturbationOptions {
    double alpha_min = 1e-3;
    double alpha_max = 1e-2;
    double epsilon = 0.1;
    std::int64_t power_iterations = 3;
    std::uint64_t seed = 0;
    std::int64_t modes = 1;  ///< eigenvectors that weights move along
    double local_edits = 0;  ///< share of rows around which edges are cut or doubled at random
};

/// LaplacianPerturb (LapDDPM 3.3): adversarial edge weights that raise the largest eigenvalue of the
/// adjacency. Starts from w = 1 + s a with a ~ U[alpha_min, alpha_max] and s = +-1, keyed by (seed, step, the
/// edge's two rows), so that both owners of an edge draw the same number with no message. Each of the power
/// iterations improves the estimate v of the principal eigenvector of A_w (warm-started from the last step)
/// and adds delta_ij in proportion to v_i v_j, scaled so that the root mean square of all delta of a step is
/// epsilon; single values are capped at five times their share. (The authors' code scales delta by 1e-7,
/// which changes no float32 weight.)
///
/// With several modes v is a block of orthonormal vectors (subspace iteration) and delta_ij in proportion to
/// sum_m s_m v_im v_jm, s_0 = 1 and the others +-1 by step: structure beyond the first mode moves too. Local
/// edits then cut (to the smallest weight) or double each edge of chosen rows, half of them each.
class EdgePerturbation {
  public:
    /// Of a shard whose owned rows are `ids`.
    EdgePerturbation(const EdgePerturbationOptions& options, std::span<const std::int64_t> ids);

    /// Collective. Weights [shard.num_edges()] of the active graph; `kept_rows` are its rows in the full
    /// shard. Edges that stand for absent neighbours weigh as many as those are.
    std::vector<float> weights(const Communicator& comm, const GraphShard& shard,
                               std::span<const std::int32_t> kept_rows, std::uint32_t step);

    /// Of the last call: share of edges whose weight differs from 1 by more than 1 %, over all ranks.
    double share_changed() const { return share_changed_; }

    /// The warm start, [num_owned_rows, modes]: saved and restored with a checkpoint.
    const std::vector<double>& eigenvectors() const { return eigenvectors_; }
    void set_eigenvectors(std::vector<double> eigenvectors) { eigenvectors_ = std::move(eigenvectors); }
    /// What it is before the first step; `ids` [num_owned_rows] global rows.
    std::vector<double> first_eigenvectors(std::span<const std::int64_t> ids) const;

  private:
    std::vector<float> random_weights(const GraphShard& shard, std::uint32_t step) const;
    void edit_locally(const GraphShard& shard, std::uint32_t step, std::vector<float>& weights) const;
    EdgePerturbationOptions options_;
    std::vector<double> eigenvectors_;  // [num_owned_rows, modes] last estimate of each owned row
    double share_changed_ = 0;
};

/// Collective. `weights` of the edges moved by `direction` [edges], scaled so that the root mean square of
/// the change over all edges is `rms`; single changes are capped at five times that, weights stay within
/// [1e-4, 10]. Edges that stand for absent neighbours are left alone.
void move_weights(const Communicator& comm, const GraphShard& shard, std::span<const double> direction,
                  double rms, std::vector<float>& weights);

/// Collective. The entries of the scaled Laplacian L^ = -D_w^-1/2 A_w D_w^-1/2 (2 L / lambda_max - I with
/// lambda_max = 2) for edge weights `weights`; empty weights mean 1, and as many as are absent where
/// an edge stands for absent neighbours. [shard.num_edges()].
std::vector<float> laplacian_entries(const Communicator& comm, const GraphShard& shard,
                                     std::span<const float> weights);

}  // namespace lapatlas
