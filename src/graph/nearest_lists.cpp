#include "src/graph/nearest_lists.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace lapatlas {

namespace {

constexpr std::int64_t kQueryTile = 128;
constexpr std::int64_t kBaseTile = 512;  // a tile of scores is 256 KiB: second-level cache
constexpr std::int64_t kLanes = 16;

using RowMatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

// Not inlined: every caller must get the same roundings.
[[gnu::noinline]] double squared_distance(const double* a, const double* b, std::int64_t p) {
    double lanes[8] = {};
    std::int64_t i = 0;
    for (; i + 8 <= p; i += 8)
        for (int lane = 0; lane < 8; ++lane) {
            const double difference = a[i + lane] - b[i + lane];
            lanes[lane] += difference * difference;
        }
    for (int lane = 0; i < p; ++i, ++lane) {
        const double difference = a[i] - b[i];
        lanes[lane] += difference * difference;
    }
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

float rounding_of_scores(std::int64_t p) { return 1.2e-7f * static_cast<float>(p + 8); }

void NearestLists::offer(std::int64_t query, double distance, std::int64_t id) {
    Entry* const first = entries_.data() + query * k_;
    Entry* const last = first + k_;
    const Entry entry{distance, id};
    if (!(entry < last[-1])) return;
    Entry* const place = std::lower_bound(first, last, entry);
    if (*place == entry) return;
    std::move_backward(place, last - 1, last);
    *place = entry;
}

SearchPoints::SearchPoints(std::span<const double> points, std::span<const std::int64_t> point_ids,
                           std::int64_t dimensions, Role role)
    : coordinates(points), ids(point_ids), p(dimensions) {
    const std::size_t n = point_ids.size(), width = static_cast<std::size_t>(dimensions);
    rounded.resize(n * (width + 1));
    squared_norms.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        double squares = 0;
        for (std::size_t j = 0; j < width; ++j) {
            const double x = points[i * width + j];
            squares += x * x;
            rounded[i * (width + 1) + j] = static_cast<float>(role == Role::kQuery ? -2 * x : x);
        }
        squared_norms[i] = static_cast<float>(squares);
        rounded[i * (width + 1) + width] = role == Role::kQuery ? 1.0f : squared_norms[i];
        largest_norm = std::max(largest_norm, static_cast<float>(std::sqrt(squares)));
    }
}

void search(const SearchPoints& queries, std::int64_t first_query, std::int64_t last_query,
            const SearchPoints& base, std::int64_t first_base, std::int64_t last_base,
            std::span<const std::int64_t> lists_of_queries, NearestLists& lists) {
    if (lists.k() == 0) return;
    const std::int64_t p = queries.p, width = p + 1;
    thread_local std::vector<float> scores;
    scores.resize(static_cast<std::size_t>(kQueryTile * kBaseTile));
    const float gamma = rounding_of_scores(p);

    for (std::int64_t b = first_base; b < last_base; b += kBaseTile) {
        const std::int64_t num_base = std::min(kBaseTile, last_base - b);
        for (std::int64_t q = first_query; q < last_query; q += kQueryTile) {
            const std::int64_t num_queries = std::min(kQueryTile, last_query - q);
            // |b|^2 - 2 q.b as one product of (-2 q, 1) and (b, |b|^2).
            Eigen::Map<RowMatrixF> tile(scores.data(), num_queries, num_base);
            tile.noalias() =
                Eigen::Map<const RowMatrixF>(queries.rounded.data() + q * width, num_queries, width) *
                Eigen::Map<const RowMatrixF>(base.rounded.data() + b * width, num_base, width).transpose();
            for (std::int64_t i = 0; i < num_queries; ++i) {
                const std::int64_t query = q + i;
                const std::int64_t list =
                    lists_of_queries.empty() ? query : lists_of_queries[static_cast<std::size_t>(query)];
                const float squares = queries.squared_norms[static_cast<std::size_t>(query)];
                const float reach = std::sqrt(squares) + base.largest_norm;
                const float margin = gamma * 2 * reach * reach;
                const double* const point = queries.coordinates.data() + query * p;
                const std::int64_t own_id = queries.ids[static_cast<std::size_t>(query)];
                const float* const row = scores.data() + i * num_base;
                float limit = static_cast<float>(lists.worst(list)) - squares + margin;
                for (std::int64_t first = 0; first < num_base; first += kLanes) {
                    const std::int64_t last = std::min(first + kLanes, num_base);
                    if (last - first == kLanes) {
                        float least = row[first];
#pragma omp simd reduction(min : least)
                        for (std::int64_t j = first; j < first + kLanes; ++j)
                            least = row[j] < least ? row[j] : least;
                        if (least > limit) continue;
                    }
                    for (std::int64_t j = first; j < last; ++j) {
                        const std::int64_t id = base.ids[static_cast<std::size_t>(b + j)];
                        if (row[j] > limit || id == own_id) continue;
                        lists.offer(list, squared_distance(point, base.coordinates.data() + (b + j) * p, p),
                                    id);
                        limit = static_cast<float>(lists.worst(list)) - squares + margin;
                    }
                }
            }
        }
    }
}

}  // namespace lapatlas
