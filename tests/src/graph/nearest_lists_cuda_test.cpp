// The GPU's nearest points against a sort of all. On a machine without a GPU the kernels run on the host.
#include "src/graph/nearest_lists_cuda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "tests/support/device_array.hpp"
#include "tests/support/kernel_test.hpp"

namespace lapatlas {
namespace {

using List = std::vector<std::pair<float, std::int32_t>>;

/// Scores with many ties, negative ones too; descending ones give every list all points in turn.
std::vector<float> scores_of_tile(std::int64_t queries, std::int64_t points, bool descending,
                                  std::mt19937& random) {
    std::vector<float> scores;
    for (std::int64_t q = 0; q < queries; ++q)
        for (std::int64_t p = 0; p < points; ++p)
            scores.push_back(descending ? static_cast<float>(-p)
                                        : 0.25f * static_cast<float>(random() % 400) - 30);
    return scores;
}

void check(int kept, const std::vector<std::int64_t>& tiles, bool descending, bool with_own) {
    constexpr std::int64_t kQueries = 5;
    std::mt19937 random(4);
    DeviceArray<float> list_scores(static_cast<std::size_t>(kQueries * kept));
    DeviceArray<std::int32_t> list_ids(static_cast<std::size_t>(kQueries * kept));
    const cuda::NearestSoFar nearest{kQueries, kept, list_scores.data(), list_ids.data()};
    cuda::clear_nearest(nearest, nullptr);
    const std::vector<std::int32_t> own{3, 0, 150, 9999, 40};
    DeviceArray<std::int32_t> own_ids(own);
    std::vector<List> expected(kQueries);
    std::int32_t first_id = 0;
    for (const std::int64_t points : tiles) {
        const std::vector<float> scores = scores_of_tile(kQueries, points, descending, random);
        DeviceArray<float> tile(scores);
        const std::int64_t before = kernel_launches("offer_points");
        cuda::offer_points(tile.data(), points, first_id, with_own ? own_ids.data() : nullptr, nearest,
                           nullptr);
        EXPECT_EQ(kernel_launches("offer_points"), before + (points > 0 ? 1 : 0));
        for (std::int64_t q = 0; q < kQueries; ++q)
            for (std::int64_t p = 0; p < points; ++p) {
                const auto id = static_cast<std::int32_t>(first_id + p);
                if (with_own && id == own[static_cast<std::size_t>(q)]) continue;
                expected[static_cast<std::size_t>(q)].emplace_back(
                    scores[static_cast<std::size_t>(q * points + p)], id);
            }
        first_id += static_cast<std::int32_t>(points);
    }
    const std::vector<float> got_scores = list_scores.copied();
    const std::vector<std::int32_t> got_ids = list_ids.copied();
    for (std::size_t q = 0; q < expected.size(); ++q) {
        List& list = expected[q];
        std::sort(list.begin(), list.end());
        list.resize(static_cast<std::size_t>(kept), {std::numeric_limits<float>::infinity(), -1});
        List got;
        for (std::size_t i = 0; i < list.size(); ++i)
            got.emplace_back(got_scores[q * list.size() + i], got_ids[q * list.size() + i]);
        EXPECT_EQ(got, list) << "query " << q << ", kept " << kept;
    }
}

class NearestListsCuda : public KernelTest {};

TEST_P(NearestListsCuda, KeepsTheNearestOfSeveralTiles) {
    check(15, {700, 1, 300, 129}, false, true);
    check(cuda::kMostKept, {128, 900}, false, false);
    check(1, {257}, false, true);
}
TEST_P(NearestListsCuda, KeepsUpWhenEveryPointIsNearer) { check(50, {1500, 40}, true, true); }
TEST_P(NearestListsCuda, LeavesPlacesUnusedWhereThereAreTooFewPoints) { check(30, {7, 0, 11}, false, true); }

INSTANTIATE_TEST_SUITE_P(Threads, NearestListsCuda, kThreadOrders);

}  // namespace
}  // namespace lapatlas
