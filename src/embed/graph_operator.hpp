#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dist/halo_exchange.hpp"
#include "partition/graph_shard.hpp"

namespace lapatlas {

/// The scaled Laplacian L^ of one step's active graph, applied to feature blocks [rows, width] in float32.
/// Every product exchanges the halo once, `width` floats a ghost; interior rows are computed while the
/// boundary travels.
class GraphOperator {
  public:
    /// Views `shard`; `entries` [num_edges] as laplacian_entries makes them.
    GraphOperator(const Communicator& comm, const GraphShard& shard, std::vector<float> entries,
                  HaloStatistics* statistics = nullptr);

    std::int64_t num_owned() const { return shard_.num_owned; }
    /// Rows of a buffer that apply() can read: owned and ghosts.
    std::int64_t num_local() const { return shard_.num_owned + shard_.num_ghosts(); }

    /// Collective. out = scale * L^ in + plus - minus over owned rows; `in` is [num_local, width] and gets
    /// its ghost rows here; plus and minus may be null. `meanwhile`, if given, runs while the boundary
    /// travels.
    void apply(float* in, std::int64_t width, float scale, const float* plus, const float* minus, float* out,
               const std::function<void()>& meanwhile = {});

  private:
    const GraphShard& shard_;
    std::vector<float> entries_;
    HaloExchange<float> halo_;
};

}  // namespace lapatlas
