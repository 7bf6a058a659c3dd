// Halo exchange and gradient sums of matrices in GPU memory, over NCCL and staged through the host. On a
// machine without a GPU memory, kernels and NCCL are the host's (tests/support/cuda_on_host).
#include <gtest/gtest.h>
#include <bit>
#include <cmath>
#include <limits>

#include <memory>
#include <optional>

#include "dist/bfloat16.hpp"
#include "dist/device_halo.cuh"
#include "dist/gradient_reducer_cuda.cuh"
#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

class DeviceExchange : public testing::TestWithParam<Transport> {
  protected:
    void SetUp() override {
        if (const std::string why = why_skipped(GetParam(), comm_.size()); !why.empty()) GTEST_SKIP() << why;
        compute_.emplace();
        if (GetParam() == Transport::kNccl) nccl_ = std::make_unique<NcclCommunicator>(comm_, 30.0);
    }
    std::unique_ptr<DeviceHalo> halo(const ExchangePlan& plan, HaloNumbers numbers) {
        send_rows_.emplace(plan.send_rows);
        buffers_.emplace();
        return nccl_ ? make_nccl_halo(*nccl_, plan, send_rows_->data(), *buffers_, compute_->get(), numbers)
                     : make_staged_halo(comm_, plan, send_rows_->data(), *buffers_, compute_->get(), numbers);
    }
    void bring_ghosts(HaloNumbers numbers);
    std::unique_ptr<GradientReducer> reducer(const std::vector<std::int64_t>& sizes,
                                             std::int64_t bucket_bytes) {
        return nccl_ ? make_nccl_gradient_reducer(*nccl_, sizes, compute_->get(), bucket_bytes)
                     : make_staged_gradient_reducer(comm_, sizes, compute_->get(), bucket_bytes);
    }
    void wait() { check_cuda(cudaStreamSynchronize(compute_->get()), "cudaStreamSynchronize"); }

    const Communicator comm_ = Communicator::world();
    std::optional<CudaStream> compute_;
    std::optional<HaloBuffers> buffers_;
    std::optional<DeviceArray<std::int32_t>> send_rows_;
    std::unique_ptr<NcclCommunicator> nccl_;
};

/// Rank s owns s + 2 rows.
std::int64_t owned_rows(int rank) { return rank + 2; }
float value_of(int rank, std::int64_t row, std::int64_t column) {
    return static_cast<float>(1000 * rank + 10 * row) + 0.5f * static_cast<float>(column);
}

void DeviceExchange::bring_ghosts(HaloNumbers numbers) {
    const bool rounds = numbers == HaloNumbers::kBfloat16;
    const char* const kernel = rounds ? "pack_rounded_rows" : "pack_rows";
    // The first row of every other rank, and the last one of those of higher rank.
    std::vector<int> owners;
    std::vector<std::int32_t> rows;
    for (int s = 0; s < comm_.size(); ++s) {
        if (s == comm_.rank()) continue;
        owners.push_back(s);
        rows.push_back(0);
        if (s < comm_.rank()) continue;
        owners.push_back(s);
        rows.push_back(static_cast<std::int32_t>(owned_rows(s) - 1));
    }
    const ExchangePlan plan = plan_exchange(comm_, owners, rows);
    const auto exchange = halo(plan, numbers);
    const std::int64_t owned = owned_rows(comm_.rank());
    for (const std::int64_t width : {3, 40, 1}) {
        std::vector<float> block(static_cast<std::size_t>((owned + std::ssize(owners)) * width), -1);
        for (std::int64_t r = 0; r < owned; ++r)
            for (std::int64_t j = 0; j < width; ++j)
                block[static_cast<std::size_t>(r * width + j)] = value_of(comm_.rank(), r, j);
        DeviceArray<float> on_device(block);
        const std::int64_t before = kernel_launches(kernel);
        exchange->start(on_device.data(), owned, width);
        exchange->finish();
        EXPECT_EQ(kernel_launches(kernel), before + (comm_.size() > 1 ? 1 : 0));
        wait();
        for (std::size_t g = 0; g < owners.size(); ++g)
            for (std::int64_t j = 0; j < width; ++j)
                block[(static_cast<std::size_t>(owned) + g) * static_cast<std::size_t>(width) +
                      static_cast<std::size_t>(j)] =
                    rounds ? from_bfloat16(to_bfloat16(value_of(owners[g], rows[g], j)))
                           : value_of(owners[g], rows[g], j);
        EXPECT_EQ(on_device.copied(), block) << "width " << width;
    }
}

TEST_P(DeviceExchange, BringsTheGhostsOfEveryNeighbour) { bring_ghosts(HaloNumbers::kFloat32); }

TEST_P(DeviceExchange, BringsThemRoundedOnRequest) { bring_ghosts(HaloNumbers::kBfloat16); }

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
    EXPECT_EQ(from_bfloat16(to_bfloat16(1.0f)), 1.0f);
    EXPECT_EQ(from_bfloat16(to_bfloat16(-2.5f)), -2.5f);
    EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::bit_cast<float>(0x7FFFFFFFu)))));
    EXPECT_TRUE(std::isinf(from_bfloat16(to_bfloat16(std::numeric_limits<float>::infinity()))));
    EXPECT_EQ(from_bfloat16(to_bfloat16(1.0f + 1.0f / 256)), 1.0f);               // a tie, down to even
    EXPECT_EQ(from_bfloat16(to_bfloat16(1.0f + 3.0f / 256)), 1.0f + 4.0f / 256);  // a tie, up to even
    EXPECT_EQ(from_bfloat16(to_bfloat16(1.0f + 1.1f / 256)), 1.0f + 2.0f / 256);
}

TEST_P(DeviceExchange, SumsGradientsBucketByBucket) {
    const std::vector<std::int64_t> sizes{5, 300, 1, 40, 77};
    constexpr std::int64_t kBucketBytes = 200;
    const auto reduction = reducer(sizes, kBucketBytes);
    const int n = comm_.size();
    for (int step = 0; step < 3; ++step) {
        // Not in the order of the slots: a bucket waits for its last.
        for (const std::size_t i : {1u, 0u, 2u, 4u, 3u}) {
            std::vector<float> gradient(static_cast<std::size_t>(sizes[i]));
            for (std::size_t j = 0; j < gradient.size(); ++j)
                gradient[j] = static_cast<float>((comm_.rank() + 1) * (step + 1)) + static_cast<float>(j);
            ASSERT_EQ(reduction->slot(i).size(), gradient.size());
            copy_async(reduction->slot(i).data(), gradient.data(), std::ssize(gradient), compute_->get());
            wait();
            reduction->mark_ready(i);
        }
        reduction->finish();
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            std::vector<float> got(static_cast<std::size_t>(sizes[i]));
            copy_async(got.data(), reduction->slot(i).data(), std::ssize(got), compute_->get());
            wait();
            for (std::size_t j = 0; j < got.size(); ++j)
                ASSERT_EQ(got[j], static_cast<float>((step + 1) * n * (n + 1) / 2) +
                                      static_cast<float>(n) * static_cast<float>(j))
                    << "slot " << i << ", value " << j;
        }
    }
}

TEST_P(DeviceExchange, WantsEveryGradientOnce) {
    const std::vector<std::int64_t> sizes{5, 6};
    const auto reduction = reducer(sizes, 1 << 20);
    reduction->mark_ready(1);
    EXPECT_THROW(reduction->mark_ready(1), InternalError);
    EXPECT_THROW(reduction->finish(), InternalError);
}

INSTANTIATE_TEST_SUITE_P(Transports, DeviceExchange, kTransports, transport_name);

}  // namespace
}  // namespace lapatlas
