#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/device.hpp"
#include "dist/nccl_communicator.cuh"
#include "dist/timer.hpp"

namespace lapatlas {

bool nccl_shares_gpus() {
    const char* wanted = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
    int version = 0;
    return wanted != nullptr && std::string(wanted) == "1" && ncclGetVersion(&version) == ncclSuccess &&
           version >= 23000;
}

NcclCommunicator::NcclCommunicator(const Communicator& comm, double timeout_seconds)
    : rank_(comm.rank()), timeout_seconds_(timeout_seconds) {
    ncclUniqueId id{};
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        if (const ncclResult_t result = ncclGetUniqueId(&id); result != ncclSuccess)
            throw NcclError(std::string("ncclGetUniqueId: ") + ncclGetErrorString(result));
    });
    broadcast(comm, std::span<char>(id.internal));
    agreed(comm, [&] {
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0;
        check(ncclCommInitRankConfig(&handle_, comm.size(), id, comm.rank(), &config),
              "ncclCommInitRankConfig");
    });
}

NcclCommunicator::~NcclCommunicator() {
    // While unwinding, the others may never come to where this would wait for them.
    if (handle_ != nullptr && std::uncaught_exceptions() == 0) ncclCommDestroy(handle_);
}

void NcclCommunicator::check(ncclResult_t result, const char* call) {
    const Timer timer;
    while (result == ncclInProgress) {
        if (timer.seconds() > timeout_seconds_) fail(call, "timed out");
        std::this_thread::yield();
        if (const ncclResult_t asked = ncclCommGetAsyncError(handle_, &result); asked != ncclSuccess)
            result = asked;
    }
    if (result != ncclSuccess) fail(call, ncclGetErrorString(result));
}

void NcclCommunicator::enqueue(ncclResult_t result, const char* call) {
    if (result == ncclSuccess || result == ncclInProgress) return;
    // Within the group an abort would only be enqueued.
    ncclGroupEnd();
    fail(call, ncclGetErrorString(result));
}

void NcclCommunicator::wait(const CudaEvent& event, const char* what) {
    const Timer timer;
    while (!event.has_happened()) {
        ncclResult_t state = ncclSuccess;
        if (const ncclResult_t asked = ncclCommGetAsyncError(handle_, &state); asked != ncclSuccess)
            state = asked;
        if (state != ncclSuccess && state != ncclInProgress) fail(what, ncclGetErrorString(state));
        if (timer.seconds() > timeout_seconds_) fail(what, "timed out");
        std::this_thread::yield();
    }
}

void NcclCommunicator::fail(const char* what, const char* why) {
    std::string message = "rank " + std::to_string(rank_) + ": " + what + ": NCCL " + why;
    if (handle_ != nullptr) {
        if (const char* last = ncclGetLastError(handle_); last != nullptr && *last != '\0')
            message += std::string(" (") + last + ")";
        // It tells kernels to stop at once, but may then wait for ranks that no longer answer.
        std::thread([dying = std::exchange(handle_, nullptr)] { ncclCommAbort(dying); }).detach();
    }
    throw NcclError(message + "; runtime.exchange_timeout = " + std::to_string(timeout_seconds_) + " s");
}

}  // namespace lapatlas
