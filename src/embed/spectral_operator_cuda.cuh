#pragma once

#include "src/embed/graph_operator_cuda.cuh"
#include "src/embed/spectral_operator.hpp"

namespace lapatlas {

/// Collective. SpectralOperator in GPU memory, as make_cuda_graph_operator. Views nothing but the halo's
/// plan.
std::unique_ptr<SpectralOperator> make_cuda_spectral_operator(
    const Communicator& comm, const GraphShard& shard, const TrivialVectors& trivial,
    const MakeHalo& make_halo, const torch::Device& device, cudaStream_t stream);

}  // namespace lapatlas
