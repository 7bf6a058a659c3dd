#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "dist/device.hpp"

namespace lapatlas {

/// GPUs that a test can use: as many as it likes where kernels run on the host.
struct TestGpus {
    int count = 0;
    std::string why_none;
};
#ifdef LAPATLAS_KERNELS_ON_HOST
inline TestGpus test_gpus() { return {std::numeric_limits<int>::max(), ""}; }
inline void set_thread_order(unsigned order) { cuda_on_host::set_thread_order(order); }
/// Orders in which the threads of a block run.
inline const auto kThreadOrders = testing::Values(0u, 1u, 2u, 3u);
#else
inline TestGpus test_gpus() {
    TestGpus gpus;
    const cudaError_t result = cudaGetDeviceCount(&gpus.count);
    if (result != cudaSuccess) gpus = {0, cudaGetErrorString(result)};
    return gpus;
}
inline void set_thread_order(unsigned) {}
inline const auto kThreadOrders = testing::Values(0u);
#endif

/// How ranks exchange what is in GPU memory.
enum class Transport { kNccl, kStaged };

/// Why a test over `transport` is skipped; empty: it is not.
inline std::string why_skipped(Transport transport, int ranks) {
    const TestGpus gpus = test_gpus();
    if (gpus.count == 0) return "LAPATLAS_SKIPPED: no GPU (" + gpus.why_none + ")";
    if (transport == Transport::kNccl && gpus.count < ranks && !nccl_shares_gpus())
        return "LAPATLAS_SKIPPED: NCCL wants a GPU a rank, here are " + std::to_string(gpus.count) + " for " +
               std::to_string(ranks) + " ranks";
    return {};
}

inline const auto kTransports = testing::Values(Transport::kNccl, Transport::kStaged);
inline std::string transport_name(const testing::TestParamInfo<Transport>& test) {
    return test.param == Transport::kNccl ? "Nccl" : "Staged";
}

/// A test of kernels; skipped, and said, where there is no GPU for them.
class KernelTest : public testing::TestWithParam<unsigned> {
  protected:
    void SetUp() override {
        if (const TestGpus gpus = test_gpus(); gpus.count == 0)
            GTEST_SKIP() << "LAPATLAS_SKIPPED: no GPU (" << gpus.why_none << ")";
        set_thread_order(GetParam());
    }
};

}  // namespace lapatlas
