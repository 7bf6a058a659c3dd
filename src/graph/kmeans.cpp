#include "src/graph/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/exact_sum.hpp"
#include "src/graph/nearest_lists.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr int kRounds = 6;
constexpr std::int64_t kSampleOfCentroid = 48;  // points a centroid in the sample
constexpr std::int64_t kQueryChunk = 128;

struct HashedRow {
    double hash;
    std::int64_t row;
    bool operator<(const HashedRow& other) const {
        return hash < other.hash || (hash == other.hash && row < other.row);
    }
};

}  // namespace

std::vector<double> kmeans_centroids(const Communicator& comm, std::span<const double> points, std::int64_t p,
                                     std::int64_t num_centroids, std::uint64_t seed) {
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t first = exclusive_sum(comm, mine), all = all_reduce_sum(comm, mine);
    ensure(num_centroids >= 1 && num_centroids <= all, "k-means needs a point a centroid");
    const double share = static_cast<double>(kSampleOfCentroid * num_centroids) / static_cast<double>(all);
    const PlacedRandom random(seed, RandomStream::kKmeans);
    const std::size_t width = static_cast<std::size_t>(p);

    std::vector<HashedRow> starts;
    std::vector<double> sample;
    double largest = 0;
    agreed(comm, [&] {
        for (std::int64_t row = first; row < first + mine; ++row) {
            const double hash = random.uniform(static_cast<std::uint64_t>(row));
            starts.push_back({hash, row});
            if (hash >= share) continue;
            const auto from = points.begin() + (row - first) * p;
            sample.insert(sample.end(), from, from + p);
        }
        for (const double x : sample) largest = std::max(largest, std::abs(x));
        const auto kept = std::min<std::size_t>(starts.size(), static_cast<std::size_t>(num_centroids));
        std::partial_sort(starts.begin(), starts.begin() + static_cast<std::ptrdiff_t>(kept), starts.end());
        starts.resize(kept);
    });
    starts = all_gather_v<HashedRow>(comm, starts);
    std::sort(starts.begin(), starts.end());
    starts.resize(static_cast<std::size_t>(num_centroids));
    std::vector<double> centroids(starts.size() * width, 0);
    for (std::size_t c = 0; c < starts.size(); ++c)
        if (starts[c].row >= first && starts[c].row < first + mine)
            std::copy_n(points.begin() + (starts[c].row - first) * p, p,
                        centroids.begin() + static_cast<std::ptrdiff_t>(c * width));
    all_reduce_sum(comm, std::span<double>(centroids));

    largest = all_reduce_max(comm, largest);
    const SumGrid grid(static_cast<double>(all) * largest);
    std::vector<std::int64_t> centroid_ids(starts.size()), sample_ids(sample.size() / width, -1);
    std::iota(centroid_ids.begin(), centroid_ids.end(), 0);
    std::optional<SearchPoints> queries;
    agreed(comm, [&] { queries.emplace(sample, sample_ids, p, SearchPoints::Role::kQuery); });
    for (int round = 0; round < kRounds; ++round) {
        std::vector<double> sums;
        std::vector<std::int64_t> sizes(starts.size(), 0);
        agreed(comm, [&] {
            const SearchPoints base(centroids, centroid_ids, p, SearchPoints::Role::kBase);
            NearestLists nearest(queries->count(), 1);
#pragma omp parallel for schedule(dynamic, 1)
            for (std::int64_t q = 0; q < queries->count(); q += kQueryChunk)
                search(*queries, q, std::min(q + kQueryChunk, queries->count()), base, 0, num_centroids, {},
                       nearest);
            sums.assign(centroids.size(), 0);
            for (std::int64_t q = 0; q < queries->count(); ++q) {
                const auto c = static_cast<std::size_t>(nearest.of(q)[0].id);
                ++sizes[c];
                for (std::size_t j = 0; j < width; ++j)
                    sums[c * width + j] += grid.round(sample[static_cast<std::size_t>(q) * width + j]);
            }
        });
        all_reduce_sum(comm, std::span<double>(sums));
        all_reduce_sum(comm, std::span<std::int64_t>(sizes));
        for (std::size_t c = 0; c < sizes.size(); ++c)
            if (sizes[c] > 0)  // a centroid that lost all points stays where it is
                for (std::size_t j = 0; j < width; ++j)
                    centroids[c * width + j] = sums[c * width + j] / static_cast<double>(sizes[c]);
    }
    return centroids;
}

}  // namespace lapatlas
