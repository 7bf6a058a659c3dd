// The GPU's random rows against PlacedRandom on the CPU. On a machine without a GPU the kernels run on the
// host.
#include "src/random/placed_random_cuda.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

constexpr std::uint64_t kSeed = 0x123456789ABCDEF0;
constexpr std::uint32_t kStep = 41;
const std::vector<std::int64_t> kIds{7, 0, std::int64_t{1} << 40, 12345, 7};

class PlacedRandomCuda : public KernelTest {
  protected:
    cuda::PlacedRows rows(RandomStream stream) {
        // Not before the first test runs: where there is no GPU they are skipped.
        if (!ids_) ids_.emplace(kIds);
        return {kSeed, stream, kStep, ids_->data(), static_cast<std::int64_t>(kIds.size())};
    }
    std::optional<DeviceArray<std::int64_t>> ids_;
};

TEST_P(PlacedRandomCuda, FillsNormals) {
    for (const std::int64_t width : {1, 2, 7, 300}) {
        DeviceArray<float> out(kIds.size() * static_cast<std::size_t>(width));
        const std::int64_t before = kernel_launches("fill_normals");
        cuda::fill_normals(rows(RandomStream::kLatentNoise), width, out.data(), nullptr);
        EXPECT_EQ(kernel_launches("fill_normals"), before + 1);
        const std::vector<float> got = out.copied();
        const PlacedRandom random(kSeed, RandomStream::kLatentNoise);
        std::vector<float> expected(static_cast<std::size_t>(width));
        for (std::size_t i = 0; i < kIds.size(); ++i) {
            random.fill_normals(static_cast<std::uint64_t>(kIds[i]), kStep, expected.data(), width);
            for (std::size_t j = 0; j < expected.size(); ++j)
                ASSERT_NEAR(got[i * expected.size() + j], expected[j], 1e-6)
                    << "row " << i << ", column " << j;
        }
    }
}

TEST_P(PlacedRandomCuda, FillsUniforms) {
    DeviceArray<float> out(kIds.size());
    cuda::fill_uniforms(rows(RandomStream::kDiffusionTime), out.data(), nullptr);
    const PlacedRandom random(kSeed, RandomStream::kDiffusionTime);
    const std::vector<float> got = out.copied();
    for (std::size_t i = 0; i < kIds.size(); ++i)
        EXPECT_EQ(got[i], uniform_float(random.words(static_cast<std::uint64_t>(kIds[i]), kStep)[0]));
}

TEST_P(PlacedRandomCuda, FillsDropout) {
    constexpr double kRate = 0.3;
    constexpr std::uint32_t kLayer = 17;
    const PlacedRandom random(kSeed, RandomStream::kDropout);
    for (const std::int64_t width : {1, 4, 130}) {
        DeviceArray<float> out(kIds.size() * static_cast<std::size_t>(width));
        cuda::fill_dropout(rows(RandomStream::kDropout), kLayer, width, kRate, out.data(), nullptr);
        const std::vector<float> got = out.copied();
        for (std::size_t i = 0; i < kIds.size(); ++i)
            for (std::size_t j = 0; j < static_cast<std::size_t>(width); ++j) {
                const auto word = random.words(static_cast<std::uint64_t>(kIds[i]), kStep,
                                               kLayer << 24 | static_cast<std::uint32_t>(j / 4))[j % 4];
                const bool dropped = word < static_cast<std::uint32_t>(kRate * 4294967295.0);
                ASSERT_EQ(got[i * static_cast<std::size_t>(width) + j],
                          dropped ? 0.0f : static_cast<float>(1 / (1 - kRate)));
            }
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, PlacedRandomCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
