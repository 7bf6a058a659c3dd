#pragma once

#include <nccl.h>

#include "dist/communicator.hpp"
#include "dist/cuda_handles.cuh"

namespace lapatlas {

/// NCCL between the ranks of an MPI communicator, one GPU a rank. Nothing blocks without end: every call and
/// wait polls NCCL's own errors and a clock, and turns either into NcclError after aborting the communicator,
/// so that no kernel of NCCL's waits for a rank that has failed.
class NcclCommunicator {
  public:
    /// Collective, on the current GPU of each rank. `timeout_seconds` limits the start and every later wait.
    NcclCommunicator(const Communicator& comm, double timeout_seconds);
    ~NcclCommunicator();
    NcclCommunicator(const NcclCommunicator&) = delete;
    NcclCommunicator& operator=(const NcclCommunicator&) = delete;

    ncclComm_t handle() const { return handle_; }
    /// Takes what `call` returned, and waits until the call has been enqueued.
    void check(ncclResult_t result, const char* call);
    /// Takes what a call within a group returned: it is enqueued when the group ends.
    void enqueue(ncclResult_t result, const char* call);
    /// The host waits for `event`, after which `what` is done.
    void wait(const CudaEvent& event, const char* what);

  private:
    [[noreturn]] void fail(const char* what, const char* why);
    int rank_;
    double timeout_seconds_;
    ncclComm_t handle_ = nullptr;  // null once it has failed
};

}  // namespace lapatlas
