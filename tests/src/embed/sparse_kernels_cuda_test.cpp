// The GPU's sparse products against sums in double, by definition. On a machine without a GPU the kernels run
// on the host, thread by thread.
#include "src/embed/sparse_kernels_cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

template <class T>
struct Matrix {
    std::vector<std::int64_t> row_offsets{0};
    std::vector<std::int32_t> columns;
    std::vector<T> values;
};

/// Row r has lengths[r] entries.
template <class T>
Matrix<T> random_matrix(const std::vector<std::int64_t>& lengths, std::int32_t num_columns,
                        std::mt19937& random) {
    Matrix<T> matrix;
    std::uniform_real_distribution<double> value(-1, 1);
    for (const std::int64_t length : lengths) {
        for (std::int64_t e = 0; e < length; ++e) {
            matrix.columns.push_back(
                static_cast<std::int32_t>(random() % static_cast<unsigned>(num_columns)));
            matrix.values.push_back(static_cast<T>(value(random)));
        }
        matrix.row_offsets.push_back(static_cast<std::int64_t>(matrix.columns.size()));
    }
    return matrix;
}

template <class T>
std::vector<T> random_values(std::size_t size, std::mt19937& random) {
    std::uniform_real_distribution<double> value(-1, 1);
    std::vector<T> values(size);
    for (T& v : values) v = static_cast<T>(value(random));
    return values;
}

/// Empty rows, short ones, one of exactly the length up to which a warp is alone, and longer ones.
const std::vector<std::int64_t> kLengths{0, 3, 17, 256, 257, 1, 900, 30, 5, 0, 64, 300, 12};

template <class T>
void check(std::int64_t width, const std::vector<std::int32_t>& rows, bool with_plus, bool with_minus) {
    std::mt19937 random(7);
    constexpr std::int32_t kSources = 50;
    const auto num_rows = static_cast<std::int64_t>(kLengths.size());
    const Matrix<T> matrix = random_matrix<T>(kLengths, kSources, random);
    const auto in = random_values<T>(static_cast<std::size_t>(kSources * width), random);
    const auto plus = random_values<T>(static_cast<std::size_t>(num_rows * width), random);
    const auto minus = random_values<T>(static_cast<std::size_t>(num_rows * width), random);

    DeviceArray<std::int64_t> offsets(matrix.row_offsets);
    DeviceArray<std::int32_t> columns(matrix.columns), chosen(rows);
    DeviceArray<T> values(matrix.values), device_in(in), device_plus(plus), device_minus(minus);
    DeviceArray<T> out(std::vector<T>(static_cast<std::size_t>(num_rows * width), T{77}));
    const std::int64_t before = kernel_launches("weighted_row_sums");
    cuda::weighted_row_sums<T>({offsets.data(), columns.data(), values.data()},
                               rows.empty() ? nullptr : chosen.data(),
                               rows.empty() ? num_rows : static_cast<std::int64_t>(rows.size()),
                               device_in.data(), width, T{2}, with_plus ? device_plus.data() : nullptr,
                               with_minus ? device_minus.data() : nullptr, out.data(), nullptr);
    EXPECT_EQ(kernel_launches("weighted_row_sums"), before + 1);

    const std::vector<T> got = out.copied();
    const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-13;
    for (std::int64_t r = 0; r < num_rows; ++r) {
        const bool asked =
            rows.empty() || std::find(rows.begin(), rows.end(), static_cast<std::int32_t>(r)) != rows.end();
        for (std::int64_t j = 0; j < width; ++j) {
            const auto at = static_cast<std::size_t>(r * width + j);
            double expected = 77, size = 1;
            if (asked) {
                double sum = 0;
                for (auto e = matrix.row_offsets[static_cast<std::size_t>(r)];
                     e < matrix.row_offsets[static_cast<std::size_t>(r) + 1]; ++e) {
                    const auto i = static_cast<std::size_t>(e);
                    const double term = static_cast<double>(matrix.values[i]) *
                                        in[static_cast<std::size_t>(matrix.columns[i] * width + j)];
                    sum += term;
                    size += std::abs(term);
                }
                expected = 2 * sum + (with_plus ? plus[at] : 0) - (with_minus ? minus[at] : 0);
            }
            ASSERT_NEAR(got[at], expected, tolerance * size) << "row " << r << ", column " << j;
        }
    }
}

class SparseKernelsCuda : public KernelTest {};

TEST_P(SparseKernelsCuda, SumsRowsOfWholeLoads) { check<float>(128, {}, true, true); }
TEST_P(SparseKernelsCuda, SumsWidthsThatEndWithinAWarp) {
    check<float>(148, {}, true, false);
    check<float>(8, {}, false, true);
}
TEST_P(SparseKernelsCuda, SumsWidthsThatAreNotAligned) {
    check<float>(1, {}, false, false);
    check<float>(33, {}, true, true);
}
TEST_P(SparseKernelsCuda, LeavesOtherRowsAlone) { check<float>(64, {6, 2, 11, 4, 0}, true, true); }
TEST_P(SparseKernelsCuda, SumsInDouble) {
    check<double>(70, {}, true, true);
    check<double>(3, {12, 3}, false, true);
}
TEST_P(SparseKernelsCuda, TakesNoRows) {
    DeviceArray<std::int64_t> offsets(std::vector<std::int64_t>{0});
    const std::int64_t before = kernel_launches("weighted_row_sums");
    cuda::weighted_row_sums<float>({offsets.data(), nullptr, nullptr}, nullptr, 0, nullptr, 16, 1, nullptr,
                                   nullptr, nullptr, nullptr);
    EXPECT_EQ(kernel_launches("weighted_row_sums"), before);
}

INSTANTIATE_TEST_SUITE_P(Threads, SparseKernelsCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
