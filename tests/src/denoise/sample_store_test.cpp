#include "src/denoise/sample_store.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

/// Cells first .. first + n - 1, three values each: 3 cell, 3 cell + 1, 3 cell + 2.
std::vector<float> values_of(std::int64_t first, std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(3 * n));
    std::iota(values.begin(), values.end(), static_cast<float>(3 * first));
    return values;
}

}  // namespace

TEST(SampleStore, GivesBackWhatIsKeptToAnyDivisionOfTheCells) {
    const Communicator comm = Communicator::self();
    const testing_support::TemporaryFolder folder(comm);
    const auto output = folder.path() / "out.h5ad";
    const SampleStore store(comm, output, "me", 3);
    store.write(0, values_of(0, 4));
    store.write(10, values_of(10, 5));
    for (const auto& [first, n] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 20}, {2, 10}, {12, 8}, {5, 3}}) {
        std::vector<float> values(static_cast<std::size_t>(3 * n), -1);
        const std::vector<bool> found = store.read(first, values);
        for (std::int64_t cell = first; cell < first + n; ++cell) {
            const bool kept = cell < 4 || (cell >= 10 && cell < 15);
            EXPECT_EQ(found[static_cast<std::size_t>(cell - first)], kept) << cell;
            EXPECT_EQ(values[static_cast<std::size_t>(3 * (cell - first) + 1)], kept ? 3 * cell + 1 : -1)
                << cell;
        }
    }
    // What another made is no help.
    const SampleStore other(comm, output, "another", 3);
    std::vector<float> values(12);
    EXPECT_EQ(other.read(0, values), std::vector<bool>(4, false));
    other.remove();
    EXPECT_FALSE(std::filesystem::exists(output.string() + ".parts"));
}

}  // namespace lapatlas
