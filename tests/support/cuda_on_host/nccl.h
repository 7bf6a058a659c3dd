#pragma once

// NCCL as far as our code uses it, over MPI_COMM_WORLD, for code whose GPU memory is the host's: proves who
// sends what to whom in which order, not NCCL.

#include <mpi.h>

#include <vector>

#include "cuda_runtime.h"

enum ncclResult_t { ncclSuccess = 0, ncclInternalError = 3, ncclInProgress = 7 };
enum ncclDataType_t { ncclFloat = 7 };
enum ncclRedOp_t { ncclSum = 0 };
struct ncclUniqueId {
    char internal[128];
};
struct ncclComm {
    MPI_Comm handle = MPI_COMM_NULL;
    bool in_group = false;
    std::vector<MPI_Request> requests;
    int polls_until_ready = 0;
};
using ncclComm_t = ncclComm*;
struct ncclConfig_t {
    int blocking;
};
#define NCCL_CONFIG_INITIALIZER \
    { 1 }

namespace nccl_on_host {
inline ncclComm_t& grouped() {
    static ncclComm_t comm = nullptr;
    return comm;
}
}  // namespace nccl_on_host

inline const char* ncclGetErrorString(ncclResult_t) { return "internal error"; }
inline const char* ncclGetLastError(ncclComm_t) { return ""; }
inline ncclResult_t ncclGetVersion(int* version) {
    *version = 22800;
    return ncclSuccess;
}
inline ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
    id->internal[0] = 42;
    return ncclSuccess;
}
inline ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int, ncclUniqueId id, int,
                                           ncclConfig_t* config) {
    if (id.internal[0] != 42) return ncclInternalError;
    *comm = new ncclComm;
    MPI_Comm_dup(MPI_COMM_WORLD, &(*comm)->handle);
    nccl_on_host::grouped() = *comm;
    (*comm)->polls_until_ready = 3;
    return config->blocking != 0 ? ncclSuccess : ncclInProgress;
}
inline ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
    *state = comm->polls_until_ready > 0 ? ncclInProgress : ncclSuccess;
    if (comm->polls_until_ready > 0) --comm->polls_until_ready;
    return ncclSuccess;
}
inline ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    MPI_Comm_free(&comm->handle);
    delete comm;
    return ncclSuccess;
}
inline ncclResult_t ncclCommAbort(ncclComm_t comm) { return ncclCommDestroy(comm); }
inline ncclResult_t ncclGroupStart() {
    nccl_on_host::grouped()->in_group = true;
    return ncclSuccess;
}
inline ncclResult_t ncclGroupEnd() {
    ncclComm_t comm = nccl_on_host::grouped();
    comm->in_group = false;
    MPI_Waitall(static_cast<int>(comm->requests.size()), comm->requests.data(), MPI_STATUSES_IGNORE);
    comm->requests.clear();
    // As a communicator that does not block may answer.
    comm->polls_until_ready = 1;
    return ncclInProgress;
}
inline ncclResult_t ncclSend(const void* values, std::size_t count, ncclDataType_t, int to, ncclComm_t comm,
                             cudaStream_t) {
    if (!comm->in_group) return ncclInternalError;
    MPI_Isend(values, static_cast<int>(count), MPI_FLOAT, to, 0, comm->handle,
              &comm->requests.emplace_back());
    return ncclInProgress;
}
inline ncclResult_t ncclRecv(void* values, std::size_t count, ncclDataType_t, int from, ncclComm_t comm,
                             cudaStream_t) {
    if (!comm->in_group) return ncclInternalError;
    MPI_Irecv(values, static_cast<int>(count), MPI_FLOAT, from, 0, comm->handle,
              &comm->requests.emplace_back());
    return ncclInProgress;
}
inline ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t, ncclRedOp_t,
                                  ncclComm_t comm, cudaStream_t) {
    MPI_Allreduce(from == to ? MPI_IN_PLACE : from, to, static_cast<int>(count), MPI_FLOAT, MPI_SUM,
                  comm->handle);
    return ncclSuccess;
}
