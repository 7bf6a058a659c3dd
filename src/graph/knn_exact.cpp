#include <mpi.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/graph/knn.hpp"
#include "src/graph/knn_detail.hpp"
#include "src/graph/nearest_lists.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

/// One MPI item a point, so that counts stay far below 2^31.
class PointType {
  public:
    explicit PointType(std::int64_t p) {
        check_mpi(MPI_Type_contiguous(mpi_count(p), MPI_DOUBLE, &type_), "MPI_Type_contiguous");
        check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
    }
    ~PointType() { MPI_Type_free(&type_); }
    PointType(const PointType&) = delete;
    PointType& operator=(const PointType&) = delete;
    MPI_Datatype get() const { return type_; }

  private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

KnnGraph to_graph(const NearestLists& lists) {
    KnnGraph graph;
    graph.k = lists.k();
    for (std::int64_t query = 0; query < lists.num_queries(); ++query)
        for (const NearestLists::Entry& entry : lists.of(query)) {
            graph.neighbours.push_back(entry.id);
            graph.squared_distances.push_back(static_cast<float>(entry.distance));
        }
    return graph;
}

}  // namespace

void search_all_ranks(const Communicator& comm, const SearchPoints& queries, std::span<const double> base,
                      std::int64_t p, NearestLists& lists, const BlockSearch& search) {
    constexpr int kTag = 31;
    const int ranks = comm.size();
    const auto counts = all_gather(comm, static_cast<std::int64_t>(base.size()) / p);
    std::vector<std::int64_t> first_rows(counts.size(), 0);
    std::exclusive_scan(counts.begin(), counts.end(), first_rows.begin(), std::int64_t{0});
    const std::size_t largest = static_cast<std::size_t>(*std::max_element(counts.begin(), counts.end()) * p);
    std::array<std::vector<double>, 2> buffers;
    if (ranks > 1)
        agreed(comm, [&] {
            for (auto& buffer : buffers) buffer.resize(largest);
        });
    const PointType type(p);
    std::span<const double> block = base;
    const int before = (comm.rank() + ranks - 1) % ranks, after = (comm.rank() + 1) % ranks;
    for (int step = 0; step < ranks; ++step) {
        const auto owner = static_cast<std::size_t>((comm.rank() + step) % ranks);
        const auto next_owner = static_cast<std::size_t>((comm.rank() + step + 1) % ranks);
        std::vector<double>& incoming = buffers[static_cast<std::size_t>(step % 2)];
        std::array<MPI_Request, 2> in_flight = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        if (step + 1 < ranks) {
            check_mpi(MPI_Irecv(incoming.data(), mpi_count(counts[next_owner]), type.get(), after, kTag,
                                comm.handle(), &in_flight[0]),
                      "MPI_Irecv");
            check_mpi(MPI_Isend(block.data(), mpi_count(counts[owner]), type.get(), before, kTag,
                                comm.handle(), &in_flight[1]),
                      "MPI_Isend");
        }
        const auto advance = [&] {
            int done = 0;
            check_mpi(MPI_Testall(2, in_flight.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
        };
        std::exception_ptr failure;
        try {
            search.offer_block(queries, block, first_rows[owner], advance, lists);
        } catch (...) {
            failure = std::current_exception();
        }
        // Messages end before anyone may leave: their buffers must not die first.
        check_mpi(MPI_Waitall(2, in_flight.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
        agree(comm, failure);
        block = std::span<const double>(incoming).first(static_cast<std::size_t>(counts[next_owner] * p));
    }
}

void check_points(const Communicator& comm, std::span<const double> points, std::int64_t p) {
    agreed(comm, [&] {
        ensure(p > 0 && static_cast<std::int64_t>(points.size()) % p == 0,
               "points must be whole rows of p coordinates");
        // Squares of larger numbers leave the range of float32.
        for (const double x : points) ensure(std::abs(x) < 1e15, "points must have finite coordinates");
    });
}

KnnGraph knn_exact(const Communicator& comm, std::span<const double> points, std::int64_t p, std::int64_t k,
                   const BlockSearch& search) {
    check_points(comm, points, p);
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t first = exclusive_sum(comm, mine), all = all_reduce_sum(comm, mine);
    std::vector<std::int64_t> ids(static_cast<std::size_t>(mine));
    std::iota(ids.begin(), ids.end(), first);
    std::optional<SearchPoints> queries;
    auto lists = agreed(comm, [&] {
        queries.emplace(points, ids, p, SearchPoints::Role::kQuery);
        return NearestLists(mine, std::clamp<std::int64_t>(k, 0, std::max<std::int64_t>(all - 1, 0)));
    });
    search_all_ranks(comm, *queries, points, p, lists, search);
    return agreed(comm, [&] { return to_graph(lists); });
}

KnnGraph knn_query(const Communicator& comm, std::span<const double> queries, std::span<const double> base,
                   std::int64_t p, std::int64_t k, const BlockSearch& search) {
    check_points(comm, queries, p);
    check_points(comm, base, p);
    const std::int64_t all = all_reduce_sum(comm, static_cast<std::int64_t>(base.size()) / p);
    // No base point has the id -1: nothing is left out.
    const std::vector<std::int64_t> ids(queries.size() / static_cast<std::size_t>(p), -1);
    std::optional<SearchPoints> prepared;
    auto lists = agreed(comm, [&] {
        prepared.emplace(queries, ids, p, SearchPoints::Role::kQuery);
        return NearestLists(prepared->count(), std::clamp<std::int64_t>(k, 0, all));
    });
    search_all_ranks(comm, *prepared, base, p, lists, search);
    return agreed(comm, [&] { return to_graph(lists); });
}

double knn_recall(const Communicator& comm, std::span<const double> points, std::int64_t p,
                  const KnnGraph& graph, std::int64_t sample, std::uint64_t seed) {
    check_points(comm, points, p);
    const std::int64_t mine = static_cast<std::int64_t>(points.size()) / p;
    const std::int64_t first = exclusive_sum(comm, mine), all = all_reduce_sum(comm, mine);
    const double share = static_cast<double>(sample) / static_cast<double>(std::max<std::int64_t>(all, 1));
    const PlacedRandom random(seed, RandomStream::kKmeans);
    std::vector<std::int64_t> ids;
    std::vector<double> chosen;
    std::optional<SearchPoints> queries;
    auto lists = agreed(comm, [&] {
        ensure(static_cast<std::int64_t>(graph.neighbours.size()) == mine * graph.k,
               "the graph must be of these points");
        constexpr std::uint32_t kRecallStep = 1;
        for (std::int64_t row = first; row < first + mine; ++row) {
            if (random.uniform(static_cast<std::uint64_t>(row), kRecallStep) >= share) continue;
            ids.push_back(row);
            const auto from = points.begin() + (row - first) * p;
            chosen.insert(chosen.end(), from, from + p);
        }
        queries.emplace(chosen, ids, p, SearchPoints::Role::kQuery);
        return NearestLists(queries->count(), graph.k);
    });
    search_all_ranks(comm, *queries, points, p, lists);
    std::int64_t found = 0, wanted = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t row = (ids[i] - first) * graph.k;
        const auto truth = lists.of(static_cast<std::int64_t>(i));
        const float reach = graph.k > 0 ? static_cast<float>(truth.back().distance) : 0;
        for (std::int64_t j = row; j < row + graph.k; ++j)
            found += graph.squared_distances[static_cast<std::size_t>(j)] <= reach;
        wanted += graph.k;
    }
    found = all_reduce_sum(comm, found);
    wanted = all_reduce_sum(comm, wanted);
    return wanted > 0 ? static_cast<double>(found) / static_cast<double>(wanted) : 1;
}

}  // namespace lapatlas
