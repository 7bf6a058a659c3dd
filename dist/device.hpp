#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// The GPUs that this process can compute on.
struct GpuSurvey {
    int count = 0;
    std::string why_none;  ///< where there are none: no driver, no device, no CUDA in this build
};

/// Rank-local. Opens none of them.
GpuSurvey survey_gpus();

/// Where a rank computes.
struct Device {
    int gpu = -1;                 ///< among the GPUs that this process sees; -1: the CPU
    std::array<char, 16> uuid{};  ///< the same for all processes, however they number their GPUs
    std::string name;             ///< e.g. "NVIDIA H100 80GB HBM3"
    std::int64_t total_bytes = 0;
    std::int64_t free_bytes = 0;
    int ranks_on_gpu = 0;  ///< this one too
    /// Whether ranks exchange over NCCL; else, where some GPU serves several of them, over MPI through host
    /// memory.
    bool over_nccl = false;

    bool is_gpu() const { return gpu >= 0; }
};

/// Rank-local. Opens the GPU that `device` numbers, for its name, uuid and memory. CudaError if it cannot be
/// used.
void open_gpu(Device& device);

/// One rank's GPUs, as all ranks are told.
struct RankGpus {
    int node = 0;      ///< ranks with the same number share a machine
    int num_gpus = 0;  ///< that the rank sees
};

/// Rank-local. The GPU of each rank, -1 for none: a node's ranks take its GPUs in turn; if any rank sees
/// none, nobody computes on a GPU.
std::vector<int> assign_gpus(std::span<const RankGpus> ranks);

/// Rank-local. Whether NCCL takes several ranks on one GPU: from 2.30 on, if NCCL_MULTI_RANK_GPU_ENABLE is 1.
bool nccl_shares_gpus();

/// Collective. Chooses by `wanted` ("auto", "cpu" or "cuda", the value of `option`): with "cuda" ConfigError
/// on all ranks that names the first rank without a GPU and why; with "auto" all ranks then take the CPU, and
/// `why_cpu` says why (empty otherwise).
Device choose_device(const Communicator& comm, const std::string& wanted, const std::string& option,
                     std::string& why_cpu);

/// Collective. A line a rank, on the root: which rank computes where, with how much memory, over which
/// transport.
std::vector<std::string> describe_devices(const Communicator& comm, const Device& device);

}  // namespace lapatlas
