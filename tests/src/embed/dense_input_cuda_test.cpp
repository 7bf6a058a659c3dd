// Masked cells as dense matrices, by definition. On a machine without a GPU the kernel runs on the host.
#include "src/embed/dense_input_cuda.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "src/random/philox.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

constexpr std::int64_t kGenes = 600;

/// Row r has every (r + 2)th gene; row 2 is empty.
struct Matrix {
    std::vector<std::int64_t> row_offsets{0};
    std::vector<std::int32_t> columns;
    std::vector<float> values;
    Matrix() {
        for (std::int32_t r = 0; r < 5; ++r) {
            for (std::int32_t g = r; r != 2 && g < kGenes; g += r + 2) {
                columns.push_back(g);
                values.push_back(0.37f * static_cast<float>(g % 11 + 1) + static_cast<float>(r));
            }
            row_offsets.push_back(static_cast<std::int64_t>(columns.size()));
        }
    }
};

template <class T>
std::vector<T> densified(double fraction, const std::vector<std::int32_t>& rows,
                         const std::vector<std::int64_t>& ids) {
    const Matrix matrix;
    DeviceArray<std::int64_t> offsets(matrix.row_offsets), device_ids(ids);
    DeviceArray<std::int32_t> columns(matrix.columns), device_rows(rows);
    DeviceArray<float> values(matrix.values);
    DeviceArray<T> out(rows.size() * kGenes);
    const std::int64_t before = kernel_launches("densify");
    cuda::densify<T>({.matrix = {offsets.data(), columns.data(), values.data()},
                      .rows = device_rows.data(),
                      .ids = device_ids.data(),
                      .cells = static_cast<std::int64_t>(rows.size()),
                      .fraction = fraction,
                      .seed = 9,
                      .step = 3},
                     kGenes, out.data(), nullptr);
    EXPECT_EQ(kernel_launches("densify"), before + 1);
    return out.copied();
}

const std::vector<std::int32_t> kRows{4, 2, 0, 1};
const std::vector<std::int64_t> kIds{11, 12, std::int64_t{1} << 35, 14};

class DenseInputCuda : public KernelTest {};

TEST_P(DenseInputCuda, HidesEntriesAsTheCpuDoes) {
    const Matrix matrix;
    const PlacedRandom random(9, RandomStream::kMask);
    for (const double fraction : {0.0, 0.25}) {
        std::vector<float> expected(kRows.size() * kGenes, 0.0f);
        for (std::size_t i = 0; i < kRows.size(); ++i) {
            const auto row = static_cast<std::size_t>(kRows[i]);
            for (auto e = static_cast<std::size_t>(matrix.row_offsets[row]);
                 e < static_cast<std::size_t>(matrix.row_offsets[row + 1]); ++e) {
                const auto gene = static_cast<std::uint32_t>(matrix.columns[e]);
                const auto word = random.words(static_cast<std::uint64_t>(kIds[i]), 3, gene / 4)[gene % 4];
                if (word >= static_cast<std::uint32_t>(fraction * 4294967295.0))
                    expected[i * kGenes + gene] = static_cast<float>(1 / (1 - fraction)) * matrix.values[e];
            }
        }
        EXPECT_EQ(densified<float>(fraction, kRows, kIds), expected);
    }
}

TEST_P(DenseInputCuda, RoundsToBfloat16) {
    const std::vector<float> exact = densified<float>(0.25, kRows, kIds);
    const std::vector<std::uint16_t> rounded = densified<std::uint16_t>(0.25, kRows, kIds);
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const std::uint32_t bits = std::uint32_t{rounded[i]} << 16;
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        // Eight bits of significand: half of its last place is at most one part in 2^8.
        ASSERT_LE(std::abs(value - exact[i]), std::abs(exact[i]) / 256) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, DenseInputCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
