#include <algorithm>
#include <cmath>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "partition/row_exchange.hpp"
#include "src/graph/kmeans.hpp"
#include "src/graph/knn.hpp"
#include "src/graph/knn_detail.hpp"
#include "src/graph/listed_points.hpp"
#include "src/graph/nearest_lists.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kDefaultProbes = 24;
constexpr std::int64_t kBatch = 8192;  // places whose candidates a rank holds at a time
constexpr std::int64_t kQueryChunk =
    1024;  // consecutive places share their lists: one thread searches for them

/// Collective. Calls `batch(first, count)` for pieces of this rank's places, as often on every rank; a rank
/// that has run out gets count 0.
template <class F>
void for_each_batch(const Communicator& comm, const ListedPoints& points, F&& batch) {
    const std::int64_t rounds = all_reduce_max(comm, (points.places.size() + kBatch - 1) / kBatch);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t first = std::min(round * kBatch, points.places.size());
        batch(first, std::min(kBatch, points.places.size() - first));
    }
}

void sort_unique(std::vector<std::int64_t>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::int64_t index_in(const std::vector<std::int64_t>& sorted, std::int64_t value) {
    return std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
}

std::span<const double> coordinates_of(const ListedPoints& points, std::int64_t first, std::int64_t count) {
    return std::span<const double>(points.coordinates)
        .subspan(static_cast<std::size_t>(first * points.p), static_cast<std::size_t>(count * points.p));
}

/// The nearest `probes` lists of `count` places from slot `first` on, [count, probes].
std::vector<std::int64_t> probed_lists(const ListedPoints& points, const SearchPoints& centroids,
                                       std::int64_t first, std::int64_t count, std::int64_t probes) {
    std::vector<std::int64_t> probed(static_cast<std::size_t>(count * probes));
    const std::vector<std::int64_t> no_ids(static_cast<std::size_t>(count), -1);
    const SearchPoints queries(coordinates_of(points, first, count), no_ids, points.p,
                               SearchPoints::Role::kQuery);
    NearestLists nearest(count, probes);
    constexpr std::int64_t kCentroidChunk = 128;
#pragma omp parallel for schedule(dynamic, 1)
    for (std::int64_t q = 0; q < count; q += kCentroidChunk)
        search(queries, q, std::min(q + kCentroidChunk, count), centroids, 0, centroids.count(), {}, nearest);
    for (std::int64_t q = 0; q < count; ++q)
        for (std::int64_t j = 0; j < probes; ++j)
            probed[static_cast<std::size_t>(q * probes + j)] = nearest.of(q)[static_cast<std::size_t>(j)].id;
    return probed;
}

/// Searches the probed lists for `count` places from slot `first` on. `base` holds whole lists, place by
/// place.
void search_probed(const ListedPoints& points, std::int64_t first, std::int64_t count,
                   std::span<const std::int64_t> probed, std::int64_t probes, const SearchPoints& base,
                   const std::vector<std::int64_t>& base_places, NearestLists& lists) {
    struct Probe {
        std::int64_t list, slot;
        bool operator<(const Probe& other) const {
            return list < other.list || (list == other.list && slot < other.slot);
        }
    };
#pragma omp parallel for schedule(dynamic, 1)
    for (std::int64_t begin = 0; begin < count; begin += kQueryChunk) {
        const std::int64_t end = std::min(begin + kQueryChunk, count);
        std::vector<Probe> wanted;
        for (std::int64_t q = begin; q < end; ++q)
            for (std::int64_t j = 0; j < probes; ++j)
                wanted.push_back({probed[static_cast<std::size_t>(q * probes + j)], first + q});
        std::sort(wanted.begin(), wanted.end());
        std::vector<double> coordinates;
        std::vector<std::int64_t> places, slots;
        for (std::size_t i = 0; i < wanted.size();) {
            const std::int64_t list = wanted[i].list;
            coordinates.clear();
            places.clear();
            slots.clear();
            for (; i < wanted.size() && wanted[i].list == list; ++i) {
                const auto point = coordinates_of(points, wanted[i].slot, 1);
                coordinates.insert(coordinates.end(), point.begin(), point.end());
                places.push_back(points.places.begin + wanted[i].slot);
                slots.push_back(wanted[i].slot);
            }
            const std::int64_t size = points.list_offsets[static_cast<std::size_t>(list) + 1] -
                                      points.list_offsets[static_cast<std::size_t>(list)];
            if (size == 0) continue;
            const std::int64_t at =
                index_in(base_places, points.list_offsets[static_cast<std::size_t>(list)]);
            const SearchPoints queries(coordinates, places, points.p, SearchPoints::Role::kQuery);
            search(queries, 0, queries.count(), base, at, at + size, slots, lists);
        }
    }
}

/// Collective. Places whose probed lists held fewer than k others (far from everything, beside near-empty
/// lists) are compared with all points.
void fill_by_brute_force(const Communicator& comm, const ListedPoints& points, NearestLists& lists) {
    std::vector<std::int64_t> slots, places;
    std::vector<double> coordinates;
    agreed(comm, [&] {
        for (std::int64_t slot = 0; slot < points.places.size(); ++slot) {
            if (lists.of(slot).back().id >= 0) continue;
            slots.push_back(slot);
            places.push_back(points.places.begin + slot);
            const auto point = coordinates_of(points, slot, 1);
            coordinates.insert(coordinates.end(), point.begin(), point.end());
        }
    });
    if (all_reduce_sum(comm, static_cast<std::int64_t>(slots.size())) == 0) return;
    const SearchPoints queries(coordinates, places, points.p, SearchPoints::Role::kQuery);
    NearestLists found(queries.count(), lists.k());
    search_all_ranks(comm, queries, points.coordinates, points.p, found);
    for (std::size_t i = 0; i < slots.size(); ++i)
        for (const NearestLists::Entry& entry : found.of(static_cast<std::int64_t>(i)))
            lists.offer(slots[i], entry.distance, entry.id);
}

/// Collective. Nearest places of every place of this rank, as far as the probed lists show.
NearestLists search_lists(const Communicator& comm, const ListedPoints& points, std::int64_t k,
                          std::int64_t probes) {
    std::vector<std::int64_t> list_ids(static_cast<std::size_t>(points.num_lists()));
    std::iota(list_ids.begin(), list_ids.end(), 0);
    const SearchPoints centroids(points.centroids, list_ids, points.p, SearchPoints::Role::kBase);
    NearestLists lists = agreed(comm, [&] { return NearestLists(points.places.size(), k); });
    for_each_batch(comm, points, [&](std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> probed, places;
        agreed(comm, [&] {
            probed = probed_lists(points, centroids, first, count, probes);
            std::vector<std::int64_t> wanted = probed;
            sort_unique(wanted);
            for (const std::int64_t list : wanted)
                for (auto place = points.list_offsets[static_cast<std::size_t>(list)];
                     place < points.list_offsets[static_cast<std::size_t>(list) + 1]; ++place)
                    places.push_back(place);
        });
        const auto coordinates =
            fetch_rows<double>(comm, points.num_points, points.coordinates, points.p, places);
        agreed(comm, [&] {
            const SearchPoints base(coordinates, places, points.p, SearchPoints::Role::kBase);
            search_probed(points, first, count, probed, probes, base, places, lists);
        });
    });
    return lists;
}

std::vector<std::int64_t> ids_of(const NearestLists& lists) {
    std::vector<std::int64_t> ids;
    ids.reserve(static_cast<std::size_t>(lists.num_queries() * lists.k()));
    for (std::int64_t query = 0; query < lists.num_queries(); ++query)
        for (const NearestLists::Entry& entry : lists.of(query)) ids.push_back(entry.id);
    return ids;
}

/// Collective. One pass of NN-descent: offers to every place the neighbours that its neighbours had before
/// the pass.
void descend(const Communicator& comm, const ListedPoints& points, NearestLists& lists) {
    const std::int64_t k = lists.k();
    const auto before = agreed(comm, [&] { return ids_of(lists); });
    for_each_batch(comm, points, [&](std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> middles;
        agreed(comm, [&] {
            middles.assign(before.begin() + first * k, before.begin() + (first + count) * k);
            sort_unique(middles);
        });
        const auto ends_of_middles = fetch_rows<std::int64_t>(comm, points.num_points, before, k, middles);
        std::vector<std::int64_t> ends;
        agreed(comm, [&] {
            ends = ends_of_middles;
            sort_unique(ends);
        });
        const auto coordinates =
            fetch_rows<double>(comm, points.num_points, points.coordinates, points.p, ends);
        agreed(comm, [&] {
            std::vector<std::int32_t> index(
                ends_of_middles.size());  // of each neighbour's neighbour in `ends`
            for (std::size_t i = 0; i < index.size(); ++i)
                index[i] = static_cast<std::int32_t>(index_in(ends, ends_of_middles[i]));
#pragma omp parallel
            {
                std::vector<std::int64_t> last_seen_by(ends.size(), -1);
#pragma omp for schedule(dynamic, 64)
                for (std::int64_t slot = first; slot < first + count; ++slot) {
                    const double* const point = points.coordinates.data() + slot * points.p;
                    for (std::int64_t j = 0; j < k; ++j) {
                        const std::int64_t middle = before[static_cast<std::size_t>(slot * k + j)];
                        const std::int64_t at = index_in(middles, middle) * k;
                        for (std::int64_t i = at; i < at + k; ++i) {
                            const std::int64_t end = index[static_cast<std::size_t>(i)];
                            if (last_seen_by[static_cast<std::size_t>(end)] == slot) continue;
                            last_seen_by[static_cast<std::size_t>(end)] = slot;
                            const std::int64_t place = ends[static_cast<std::size_t>(end)];
                            if (place == points.places.begin + slot) continue;
                            lists.offer(
                                slot, squared_distance(point, coordinates.data() + end * points.p, points.p),
                                place);
                        }
                    }
                }
            }
        });
    });
}

/// Collective. Calls places rows again and returns every row's neighbours to the rank that brought the row.
KnnGraph send_home(const Communicator& comm, const ListedPoints& points, const NearestLists& lists,
                   std::int64_t num_local_rows) {
    const auto first_rows = all_gather(comm, exclusive_sum(comm, num_local_rows));
    const std::int64_t k = lists.k(), my_first = first_rows[static_cast<std::size_t>(comm.rank())];
    KnnGraph graph;
    graph.k = k;
    agreed(comm, [&] {
        graph.neighbours.resize(static_cast<std::size_t>(num_local_rows * k));
        graph.squared_distances.resize(static_cast<std::size_t>(num_local_rows * k));
    });
    for_each_batch(comm, points, [&](std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> wanted;
        agreed(comm, [&] {
            for (std::int64_t slot = first; slot < first + count; ++slot)
                for (const NearestLists::Entry& entry : lists.of(slot)) {
                    ensure(entry.id >= 0, "approximate neighbours: a list was not filled");
                    wanted.push_back(entry.id);
                }
            sort_unique(wanted);
        });
        const auto rows = fetch_rows<std::int64_t>(comm, points.num_points, points.rows, 1, wanted);

        Outbox<std::int64_t> slots;
        std::vector<NearestLists::Entry> edges;
        std::vector<std::int64_t> sources;
        agreed(comm, [&] {
            std::vector<int> homes;
            std::vector<std::int64_t> order(static_cast<std::size_t>(count));
            std::iota(order.begin(), order.end(), first);
            for (const std::int64_t slot : order) {
                const std::int64_t row = points.rows[static_cast<std::size_t>(slot)];
                // Ranks without rows share their first row with the next rank: the last of them has it.
                homes.push_back(static_cast<int>(std::upper_bound(first_rows.begin(), first_rows.end(), row) -
                                                 first_rows.begin() - 1));
            }
            slots = group_by_destination<std::int64_t>(order, homes, comm.size());
            for (const std::int64_t slot : slots.items) {
                sources.push_back(points.rows[static_cast<std::size_t>(slot)]);
                for (const NearestLists::Entry& entry : lists.of(slot))
                    edges.push_back(
                        {entry.distance, rows[static_cast<std::size_t>(index_in(wanted, entry.id))]});
                std::sort(edges.end() - k, edges.end());
            }
        });
        std::vector<std::int64_t> edge_offsets(slots.offsets);
        for (std::int64_t& offset : edge_offsets) offset *= k;
        const auto arrived = all_to_all_v<std::int64_t>(comm, sources, slots.offsets);
        const auto arrived_edges = all_to_all_v<NearestLists::Entry>(comm, edges, edge_offsets);
        for (std::size_t i = 0; i < arrived.items.size(); ++i)
            for (std::int64_t j = 0; j < k; ++j) {
                const auto& edge =
                    arrived_edges.items[i * static_cast<std::size_t>(k) + static_cast<std::size_t>(j)];
                const auto at = static_cast<std::size_t>((arrived.items[i] - my_first) * k + j);
                graph.neighbours[at] = edge.id;
                graph.squared_distances[at] = static_cast<float>(edge.distance);
            }
    });
    return graph;
}

}  // namespace

KnnGraph knn_approximate(const Communicator& comm, std::span<const double> points, std::int64_t p,
                         std::int64_t k, const ApproximateKnnOptions& options) {
    check_points(comm, points, p);
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t all = all_reduce_sum(comm, mine);
    k = std::clamp<std::int64_t>(k, 0, std::max<std::int64_t>(all - 1, 0));
    if (k == 0) return {};
    const auto default_lists = static_cast<std::int64_t>(2 * std::sqrt(static_cast<double>(all)));
    const std::int64_t num_lists =
        std::clamp<std::int64_t>(options.lists > 0 ? options.lists : default_lists, 1, all);
    const std::int64_t probes = std::min(num_lists, options.probes > 0 ? options.probes : kDefaultProbes);
    const ListedPoints listed =
        make_lists(comm, points, p, kmeans_centroids(comm, points, p, num_lists, options.seed));
    NearestLists lists = search_lists(comm, listed, k, probes);
    fill_by_brute_force(comm, listed, lists);
    for (std::int64_t pass = 0; pass < options.descent_passes; ++pass) descend(comm, listed, lists);
    return send_home(comm, listed, lists, mine);
}

}  // namespace lapatlas
