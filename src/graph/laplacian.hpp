#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/halo_exchange.hpp"
#include "partition/graph_shard.hpp"

namespace lapatlas {

/// D^-1/2 of an unweighted graph: [num_owned + num_ghosts], 0 where the degree is 0.
/// Collective (one halo exchange).
std::vector<double> inverse_root_degrees(const Communicator& comm, const GraphShard& shard);

/// The normalised adjacency S = D^-1/2 A D^-1/2 = I - L_norm (LapDDPM 3.1), applied to blocks of vectors in
/// float64, or in float32 where rounding is iterated away.
class NormalisedAdjacency {
  public:
    /// Collective. Views `comm` and `shard`.
    NormalisedAdjacency(const Communicator& comm, const GraphShard& shard);

    /// Collective. out [num_owned, width] = S in. `in` is [num_owned + num_ghosts, width]; its ghost rows are
    /// overwritten. Interior rows are computed while the boundary travels.
    void apply(double* in, double* out, std::int64_t width);

    /// Collective. One step of a three-term recurrence in the scaled vectors u = D^-1/2 v, in which S is
    /// D^-1 A and takes no weights: out [num_owned, width] = a D^-1 A in + b in + c out, float32, in one
    /// pass. `in` as in apply(); width a multiple of kRecurrenceLanes.
    void recur(float* in, float a, float b, float c, float* out, std::int64_t width);
    static constexpr std::int64_t kRecurrenceLanes = 8;

    std::int64_t num_owned() const { return shard_.num_owned; }
    std::int64_t num_local() const { return shard_.num_owned + shard_.num_ghosts(); }
    const std::vector<double>& inverse_roots() const { return inverse_roots_; }

  private:
    void apply_rows(std::span<const std::int32_t> rows, const double* in, double* out, std::int64_t width);
    const GraphShard& shard_;
    std::vector<double> inverse_roots_;
    HaloExchange<double> halo_;
    HaloExchange<float> float_halo_;
};

}  // namespace lapatlas
