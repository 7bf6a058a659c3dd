#pragma once

#include <memory>

#include "dist/exchange_plan.hpp"
#include "dist/halo_rows_cuda.cuh"
#include "dist/nccl_communicator.cuh"

namespace lapatlas {

/// HaloExchange for float32 matrices in GPU memory: fills the ghost rows of [num_owned + num_ghosts, width].
/// What `compute` is given before start() is what travels; what it is given after finish() sees the ghosts.
/// In between owned rows must not change and ghost rows must not be read. The host waits for nothing that it
/// need not. Hang hazard: every rank must call start and finish the same number of times.
class DeviceHalo {
  public:
    virtual ~DeviceHalo() = default;
    /// Collective over neighbours.
    virtual void start(float* rows, std::int64_t num_owned, std::int64_t width) = 0;
    virtual void finish() = 0;
    /// What this rank sends in an exchange.
    std::int64_t sent_bytes(std::int64_t width) const {
        return std::ssize(plan_.send_rows) * halo_words(numbers_, width) * std::int64_t{sizeof(float)};
    }

  protected:
    DeviceHalo(const ExchangePlan& plan, HaloNumbers numbers) : plan_(plan), numbers_(numbers) {}
    /// Whether what arrives is to be unpacked.
    bool is_packed() const { return numbers_ != HaloNumbers::kFloat32; }

    const ExchangePlan& plan_;
    HaloNumbers numbers_;
};

/// What exchanges that follow each other share; it grows to what the largest needs.
struct HaloBuffers {
    CudaStream travel;
    DeviceBuffer<float> packed, arrived;  ///< the latter of rows that are to be unpacked
    PinnedBuffer<float> outgoing, incoming;
};

/// Grouped sends and receives on a stream of its own. `send_rows`: those of the plan, in GPU memory. As
/// bfloat16 ghosts are the owners' rows rounded. Views all of its arguments.
std::unique_ptr<DeviceHalo> make_nccl_halo(NcclCommunicator& nccl, const ExchangePlan& plan,
                                           const std::int32_t* send_rows, HaloBuffers& buffers,
                                           cudaStream_t compute, HaloNumbers numbers = HaloNumbers::kFloat32);

/// MPI through pinned host memory, where several ranks share a GPU.
std::unique_ptr<DeviceHalo> make_staged_halo(const Communicator& comm, const ExchangePlan& plan,
                                             const std::int32_t* send_rows, HaloBuffers& buffers,
                                             cudaStream_t compute,
                                             HaloNumbers numbers = HaloNumbers::kFloat32);

}  // namespace lapatlas
