#pragma once

#include <memory>
#include <vector>

#include "dist/gradient_reducer.hpp"
#include "dist/nccl_communicator.cuh"

namespace lapatlas {

// Reducers whose slots are in GPU memory. A gradient is ready when what `compute` was given before
// mark_ready() has run; after finish() what `compute` is given sees the sums.

/// Collective. All-reduce by NCCL on a stream of its own, beside the backward pass. Views `nccl`.
std::unique_ptr<GradientReducer> make_nccl_gradient_reducer(NcclCommunicator& nccl,
                                                            std::vector<std::int64_t> sizes,
                                                            cudaStream_t compute,
                                                            std::int64_t bucket_bytes = 16 << 20);

/// Collective. MPI through pinned host memory, where several ranks share a GPU.
std::unique_ptr<GradientReducer> make_staged_gradient_reducer(const Communicator& comm,
                                                              std::vector<std::int64_t> sizes,
                                                              cudaStream_t compute,
                                                              std::int64_t bucket_bytes = 16 << 20);

}  // namespace lapatlas
