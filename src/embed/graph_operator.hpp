#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dist/halo_exchange.hpp"
#include "partition/graph_shard.hpp"
#include "src/embed/sparse_kernels.hpp"

namespace lapatlas {

/// The scaled Laplacian L^ of one step's active graph, applied to feature blocks [rows, width]: contiguous
/// float32 tensors on the device where it computes. Every product exchanges the halo once, `width` floats a
/// ghost; interior rows are computed while the boundary travels.
class GraphOperator {
  public:
    virtual ~GraphOperator() = default;
    virtual std::int64_t num_owned() const = 0;
    /// Rows of a block that apply() can read: owned and ghosts.
    virtual std::int64_t num_local() const = 0;

    /// Collective. out = scale * L^ in + plus - minus over owned rows; `in` is [num_local, width] and gets
    /// its ghost rows here; plus, minus and out have at least the owned rows; plus and minus may be
    /// undefined. `meanwhile`, if given, runs while the boundary travels; it calls its argument between
    /// pieces of its work, where that is not empty.
    virtual void apply(const torch::Tensor& in, float scale, const torch::Tensor& plus,
                       const torch::Tensor& minus, const torch::Tensor& out,
                       const std::function<void(const Poll&)>& meanwhile = {}) = 0;
};

/// On the CPU, the halo by MPI. Views `shard`; `entries` [num_edges] as laplacian_entries makes them.
std::shared_ptr<GraphOperator> make_graph_operator(const Communicator& comm, const GraphShard& shard,
                                                   std::vector<float> entries,
                                                   HaloStatistics* statistics = nullptr);

}  // namespace lapatlas
