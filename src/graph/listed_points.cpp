#include "src/graph/listed_points.hpp"

#include <mpi.h>

#include <algorithm>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "src/graph/nearest_lists.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kQueryChunk = 4096;

std::vector<std::int64_t> nearest_centroids(std::span<const double> points, std::int64_t p,
                                            std::span<const double> centroids) {
    const std::int64_t count = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t num_lists = static_cast<std::int64_t>(centroids.size()) / p;
    std::vector<std::int64_t> ids(static_cast<std::size_t>(num_lists)),
        nearest(static_cast<std::size_t>(count));
    std::iota(ids.begin(), ids.end(), 0);
    const SearchPoints base(centroids, ids, p, SearchPoints::Role::kBase);
    const std::vector<std::int64_t> no_ids(static_cast<std::size_t>(kQueryChunk), -1);
#pragma omp parallel for schedule(dynamic, 1)
    for (std::int64_t first = 0; first < count; first += kQueryChunk) {
        const std::int64_t n = std::min(kQueryChunk, count - first);
        const SearchPoints queries(
            points.subspan(static_cast<std::size_t>(first * p), static_cast<std::size_t>(n * p)),
            std::span<const std::int64_t>(no_ids).first(static_cast<std::size_t>(n)), p,
            SearchPoints::Role::kQuery);
        NearestLists lists(n, 1);
        search(queries, 0, n, base, 0, num_lists, {}, lists);
        for (std::int64_t i = 0; i < n; ++i) nearest[static_cast<std::size_t>(first + i)] = lists.of(i)[0].id;
    }
    return nearest;
}

/// Lists that lie near each other along the first coordinate (of PCA: the longest) come near each other in
/// order, so that a rank needs fewer lists of others.
void sort_by_first_coordinate(std::vector<double>& centroids, std::int64_t p) {
    const std::size_t width = static_cast<std::size_t>(p), count = centroids.size() / width;
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return centroids[a * width] < centroids[b * width];
    });
    std::vector<double> sorted(centroids.size());
    for (std::size_t i = 0; i < count; ++i)
        std::copy_n(centroids.data() + order[i] * width, width, sorted.data() + i * width);
    centroids = std::move(sorted);
}

}  // namespace

ListedPoints make_lists(const Communicator& comm, std::span<const double> points, std::int64_t p,
                        std::vector<double> centroids) {
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t first = exclusive_sum(comm, mine);
    ListedPoints listed;
    listed.p = p;
    listed.num_points = all_reduce_sum(comm, mine);
    listed.places = block_of_rank(listed.num_points, comm.size(), comm.rank());
    const std::size_t num_lists = centroids.size() / static_cast<std::size_t>(p);

    std::vector<std::int64_t> sizes(num_lists, 0), before(num_lists, 0);
    const auto list_of = agreed(comm, [&] {
        sort_by_first_coordinate(centroids, p);
        auto nearest = nearest_centroids(points, p, centroids);
        for (const std::int64_t list : nearest) ++sizes[static_cast<std::size_t>(list)];
        return nearest;
    });
    listed.centroids = std::move(centroids);
    check_mpi(MPI_Exscan(sizes.data(), before.data(), mpi_count(static_cast<std::int64_t>(num_lists)),
                         MPI_INT64_T, MPI_SUM, comm.handle()),
              "MPI_Exscan");
    if (comm.is_root()) std::fill(before.begin(), before.end(), 0);
    all_reduce_sum(comm, std::span<std::int64_t>(sizes));
    listed.list_offsets.assign(num_lists + 1, 0);
    std::partial_sum(sizes.begin(), sizes.end(), listed.list_offsets.begin() + 1);

    struct PlacedRow {
        std::int64_t place, row;
    };
    Outbox<PlacedRow> outbox;
    std::vector<double> coordinates;
    agreed(comm, [&] {
        std::vector<PlacedRow> placed;
        std::vector<int> owners;
        for (std::int64_t i = 0; i < mine; ++i) {
            const auto list = static_cast<std::size_t>(list_of[static_cast<std::size_t>(i)]);
            placed.push_back({listed.list_offsets[list] + before[list]++, first + i});
            owners.push_back(rank_of_row(listed.num_points, comm.size(), placed.back().place));
        }
        outbox = group_by_destination<PlacedRow>(placed, owners, comm.size());
        coordinates.reserve(points.size());
        for (const PlacedRow& item : outbox.items) {
            const auto from = points.begin() + (item.row - first) * p;
            coordinates.insert(coordinates.end(), from, from + p);
        }
    });
    const Received<PlacedRow> arrived = all_to_all_v<PlacedRow>(comm, outbox.items, outbox.offsets);
    std::vector<std::int64_t> coordinate_offsets(outbox.offsets);
    for (std::int64_t& offset : coordinate_offsets) offset *= p;
    const Received<double> arrived_coordinates = all_to_all_v<double>(comm, coordinates, coordinate_offsets);
    agreed(comm, [&] {
        listed.rows.resize(arrived.items.size());
        listed.coordinates.resize(arrived_coordinates.items.size());
        for (std::size_t i = 0; i < arrived.items.size(); ++i) {
            const std::int64_t slot = arrived.items[i].place - listed.places.begin;
            listed.rows[static_cast<std::size_t>(slot)] = arrived.items[i].row;
            std::copy_n(arrived_coordinates.items.data() + static_cast<std::int64_t>(i) * p, p,
                        listed.coordinates.data() + slot * p);
        }
    });
    return listed;
}

}  // namespace lapatlas
