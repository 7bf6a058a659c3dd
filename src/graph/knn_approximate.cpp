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
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

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

/// Who looks for neighbours among whom: points for others of them, or queries for points.
struct Search {
    const ListedPoints& queries;
    const ListedPoints& base;

    /// What a query must not find.
    std::int64_t own_place(std::int64_t slot) const {
        return &queries == &base ? base.places.begin + slot : -1;
    }
};

/// Searches the probed lists for `count` queries from slot `first` on. `points` holds whole lists, place by
/// place.
void search_probed(const Search& who, std::int64_t first, std::int64_t count,
                   std::span<const std::int64_t> probed, std::int64_t probes, const SearchPoints& points,
                   const std::vector<std::int64_t>& places_of_points, NearestLists& lists) {
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
                const auto point = coordinates_of(who.queries, wanted[i].slot, 1);
                coordinates.insert(coordinates.end(), point.begin(), point.end());
                places.push_back(who.own_place(wanted[i].slot));
                slots.push_back(wanted[i].slot);
            }
            const std::int64_t begin_of_list = who.base.list_offsets[static_cast<std::size_t>(list)],
                               size =
                                   who.base.list_offsets[static_cast<std::size_t>(list) + 1] - begin_of_list;
            if (size == 0) continue;
            const std::int64_t at = index_in(places_of_points, begin_of_list);
            const SearchPoints queries(coordinates, places, who.base.p, SearchPoints::Role::kQuery);
            search(queries, 0, queries.count(), points, at, at + size, slots, lists);
        }
    }
}

/// Some of this rank's queries, with what it takes to search for them.
struct ChosenQueries {
    std::vector<std::int64_t> slots, places;
    std::vector<double> coordinates;

    template <class IsChosen>
    ChosenQueries(const Search& who, IsChosen&& is_chosen) {
        for (std::int64_t slot = 0; slot < who.queries.places.size(); ++slot) {
            if (!is_chosen(slot)) continue;
            slots.push_back(slot);
            places.push_back(who.own_place(slot));
            const auto point = coordinates_of(who.queries, slot, 1);
            coordinates.insert(coordinates.end(), point.begin(), point.end());
        }
    }
    /// Collective. Their true neighbours.
    NearestLists nearest(const Communicator& comm, const Search& who, std::int64_t k) const {
        const SearchPoints points(coordinates, places, who.base.p, SearchPoints::Role::kQuery);
        NearestLists lists(points.count(), k);
        search_all_ranks(comm, points, who.base.coordinates, who.base.p, lists);
        return lists;
    }
};

/// Collective. Queries whose probed lists held fewer than k others (far from everything, beside near-empty
/// lists) are compared with all points.
void fill_by_brute_force(const Communicator& comm, const Search& who, NearestLists& lists) {
    const auto open = agreed(comm, [&] {
        return ChosenQueries(who, [&](std::int64_t slot) { return lists.of(slot).back().id < 0; });
    });
    if (all_reduce_sum(comm, static_cast<std::int64_t>(open.slots.size())) == 0) return;
    const NearestLists found = open.nearest(comm, who, lists.k());
    for (std::size_t i = 0; i < open.slots.size(); ++i)
        for (const NearestLists::Entry& entry : found.of(static_cast<std::int64_t>(i)))
            lists.offer(open.slots[i], entry.distance, entry.id);
}

/// Collective. Nearest places of every query of this rank, as far as the probed lists show.
NearestLists search_lists(const Communicator& comm, const Search& who, std::int64_t k, std::int64_t probes) {
    std::vector<std::int64_t> list_ids(static_cast<std::size_t>(who.base.num_lists()));
    std::iota(list_ids.begin(), list_ids.end(), 0);
    const SearchPoints centroids(who.base.centroids, list_ids, who.base.p, SearchPoints::Role::kBase);
    NearestLists lists = agreed(comm, [&] { return NearestLists(who.queries.places.size(), k); });
    for_each_batch(comm, who.queries, [&](std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> probed, places;
        agreed(comm, [&] {
            probed = probed_lists(who.queries, centroids, first, count, probes);
            std::vector<std::int64_t> wanted = probed;
            sort_unique(wanted);
            for (const std::int64_t list : wanted)
                for (auto place = who.base.list_offsets[static_cast<std::size_t>(list)];
                     place < who.base.list_offsets[static_cast<std::size_t>(list) + 1]; ++place)
                    places.push_back(place);
        });
        const auto coordinates =
            fetch_rows<double>(comm, who.base.num_points, who.base.coordinates, who.base.p, places);
        agreed(comm, [&] {
            const SearchPoints points(coordinates, places, who.base.p, SearchPoints::Role::kBase);
            search_probed(who, first, count, probed, probes, points, places, lists);
        });
    });
    return lists;
}

/// Collective. The fewest lists in which a sample of queries has `options.recall` of its true neighbours.
std::int64_t choose_probes(const Communicator& comm, const Search& who, std::int64_t k,
                           const ApproximateKnnOptions& options) {
    const ListedPoints& base = who.base;
    const PlacedRandom random(options.seed, RandomStream::kKmeans);
    constexpr std::uint32_t kSampleStep = 2;
    const double share = static_cast<double>(options.sample) / static_cast<double>(who.queries.num_points);
    const auto sample = agreed(comm, [&] {
        return ChosenQueries(who, [&](std::int64_t slot) {
            const auto row = static_cast<std::uint64_t>(who.queries.rows[static_cast<std::size_t>(slot)]);
            return random.uniform(row, kSampleStep) < share;
        });
    });
    const NearestLists nearest = sample.nearest(comm, who, k);

    // found[n]: true neighbours in the list that is nearest but n.
    std::vector<std::int64_t> found(static_cast<std::size_t>(base.num_lists()), 0);
    for (std::size_t q = 0; q < sample.slots.size(); ++q) {
        const double* const point = sample.coordinates.data() + static_cast<std::int64_t>(q) * base.p;
        std::vector<double> distances;
        for (std::int64_t list = 0; list < base.num_lists(); ++list)
            distances.push_back(squared_distance(point, base.centroids.data() + list * base.p, base.p));
        std::vector<double> ascending = distances;
        std::sort(ascending.begin(), ascending.end());
        for (const NearestLists::Entry& entry : nearest.of(static_cast<std::int64_t>(q))) {
            const auto list = std::upper_bound(base.list_offsets.begin(), base.list_offsets.end(), entry.id) -
                              base.list_offsets.begin() - 1;
            const auto nearer = std::lower_bound(ascending.begin(), ascending.end(),
                                                 distances[static_cast<std::size_t>(list)]);
            ++found[static_cast<std::size_t>(nearer - ascending.begin())];
        }
    }
    all_reduce_sum(comm, std::span<std::int64_t>(found));
    const auto all = static_cast<double>(std::accumulate(found.begin(), found.end(), std::int64_t{0}));
    std::int64_t probes = 0, sum = 0;
    while (probes < base.num_lists() && (probes == 0 || static_cast<double>(sum) < options.recall * all))
        sum += found[static_cast<std::size_t>(probes++)];
    return probes;
}

/// Collective. Calls places rows again and returns every query's neighbours to the rank that brought it.
KnnGraph send_home(const Communicator& comm, const Search& who, const NearestLists& lists,
                   std::int64_t num_local_rows) {
    const auto first_rows = all_gather(comm, exclusive_sum(comm, num_local_rows));
    const std::int64_t k = lists.k(), my_first = first_rows[static_cast<std::size_t>(comm.rank())];
    KnnGraph graph;
    graph.k = k;
    agreed(comm, [&] {
        graph.neighbours.resize(static_cast<std::size_t>(num_local_rows * k));
        graph.squared_distances.resize(static_cast<std::size_t>(num_local_rows * k));
    });
    for_each_batch(comm, who.queries, [&](std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> wanted;
        agreed(comm, [&] {
            for (std::int64_t slot = first; slot < first + count; ++slot)
                for (const NearestLists::Entry& entry : lists.of(slot)) {
                    ensure(entry.id >= 0, "approximate neighbours: a list was not filled");
                    wanted.push_back(entry.id);
                }
            sort_unique(wanted);
        });
        const auto rows = fetch_rows<std::int64_t>(comm, who.base.num_points, who.base.rows, 1, wanted);

        Outbox<std::int64_t> slots;
        std::vector<NearestLists::Entry> edges;
        std::vector<std::int64_t> sources;
        agreed(comm, [&] {
            std::vector<int> homes;
            std::vector<std::int64_t> order(static_cast<std::size_t>(count));
            std::iota(order.begin(), order.end(), first);
            for (const std::int64_t slot : order) {
                const std::int64_t row = who.queries.rows[static_cast<std::size_t>(slot)];
                // Ranks without rows share their first row with the next rank: the last of them has it.
                homes.push_back(static_cast<int>(std::upper_bound(first_rows.begin(), first_rows.end(), row) -
                                                 first_rows.begin() - 1));
            }
            slots = group_by_destination<std::int64_t>(order, homes, comm.size());
            for (const std::int64_t slot : slots.items) {
                sources.push_back(who.queries.rows[static_cast<std::size_t>(slot)]);
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

/// Collective. Nearest places of every query of this rank.
NearestLists search(const Communicator& comm, const Search& who, std::int64_t k,
                    const ApproximateKnnOptions& options) {
    const std::int64_t probes = options.probes > 0 ? std::min(options.probes, who.base.num_lists())
                                                   : choose_probes(comm, who, k, options);
    NearestLists lists = search_lists(comm, who, k, probes);
    fill_by_brute_force(comm, who, lists);
    return lists;
}

}  // namespace

struct NeighbourIndex::Parts {
    Communicator comm;
    ApproximateKnnOptions options;
    std::int64_t num_local_rows;
    ListedPoints points;
    NearestLists lists;
};

NeighbourIndex::NeighbourIndex(const Communicator& comm, std::span<const double> points, std::int64_t p,
                               std::int64_t k, const ApproximateKnnOptions& options) {
    check_points(comm, points, p);
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t all = all_reduce_sum(comm, mine);
    k = std::clamp<std::int64_t>(k, 0, std::max<std::int64_t>(all - 1, 0));
    const auto default_lists = static_cast<std::int64_t>(std::sqrt(static_cast<double>(all)));
    const std::int64_t num_lists = std::clamp<std::int64_t>(options.lists > 0 ? options.lists : default_lists,
                                                            1, std::max<std::int64_t>(all, 1));
    ListedPoints listed =
        k == 0 ? ListedPoints{}
               : make_lists(comm, points, p, kmeans_centroids(comm, points, p, num_lists, options.seed));
    parts_ = std::make_unique<Parts>(Parts{comm, options, mine, std::move(listed), NearestLists(0, k)});
    if (k > 0) parts_->lists = search(comm, {parts_->points, parts_->points}, k, options);
}

NeighbourIndex::~NeighbourIndex() = default;

KnnGraph NeighbourIndex::graph() const {
    if (parts_->lists.k() == 0) return {};
    return send_home(parts_->comm, {parts_->points, parts_->points}, parts_->lists, parts_->num_local_rows);
}

KnnGraph NeighbourIndex::query(std::span<const double> queries) const {
    const Communicator& comm = parts_->comm;
    const ListedPoints& base = parts_->points;
    const std::int64_t k = parts_->lists.k();
    if (k == 0) return {};
    check_points(comm, queries, base.p);
    const std::int64_t mine = static_cast<std::int64_t>(queries.size()) / base.p;
    if (all_reduce_sum(comm, mine) == 0) return {k, {}, {}};
    const ListedPoints listed = make_lists(comm, queries, base.p, base.centroids);
    const Search who{listed, base};
    return send_home(comm, who, search(comm, who, k, parts_->options), mine);
}

KnnGraph knn_approximate(const Communicator& comm, std::span<const double> points, std::int64_t p,
                         std::int64_t k, const ApproximateKnnOptions& options) {
    return NeighbourIndex(comm, points, p, k, options).graph();
}

}  // namespace lapatlas
