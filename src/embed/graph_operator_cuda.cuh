#pragma once

#include <memory>
#include <span>

#include "dist/device_halo.cuh"
#include "src/embed/graph_operator.hpp"

namespace lapatlas {

/// GraphOperator in GPU memory; interior rows and what runs meanwhile are enqueued on `stream` while the halo
/// travels. Views nothing but the halo's plan: the shard's edges and `entries` [num_edges] are copied.
/// `make_halo` is given the plan's send_rows in GPU memory, which live as long as the halo.
using MakeHalo = std::function<std::unique_ptr<DeviceHalo>(const std::int32_t* send_rows)>;
std::shared_ptr<GraphOperator> make_cuda_graph_operator(const GraphShard& shard,
                                                        std::span<const float> entries,
                                                        const MakeHalo& make_halo,
                                                        const torch::Device& device, cudaStream_t stream,
                                                        HaloStatistics* statistics);

}  // namespace lapatlas
