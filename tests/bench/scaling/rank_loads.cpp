#include "tests/bench/scaling/rank_loads.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dist/error.hpp"
#include "partition/cluster_order.hpp"
#include "src/graph/cluster_graph.hpp"
#include "src/graph/knn.hpp"
#include "src/io/prepared_file.hpp"
#include "src/random/philox.hpp"
#include "src/simulate/simulator.hpp"

namespace lapatlas::bench {

namespace {

/// Least squares of y = a + b log x.
struct LogLine {
    double a, b;
    double operator()(double x) const { return a + b * std::log(x); }
};
LogLine fit_log_line(std::span<const double> x, std::span<const double> y) {
    const auto n = static_cast<double>(x.size());
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double lx = std::log(x[i]), ly = y[i];
        sx += lx;
        sy += ly;
        sxx += lx * lx;
        sxy += lx * ly;
    }
    const double b = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    return {(sy - b * sx) / n, b};
}

/// The simulator's types need no genes.
SimulateOptions one_gene() {
    SimulateOptions options;
    options.genes = 1;
    return options;
}

}  // namespace

LoadCounter::LoadCounter(int ranks)
    : loads_(static_cast<std::size_t>(ranks)),
      sent_(static_cast<std::size_t>(ranks), std::vector<std::int64_t>(static_cast<std::size_t>(ranks), 0)) {}

void LoadCounter::add(int owner, std::span<const int> neighbour_owners, double nonzeros, double loss_share) {
    RankLoad& load = loads_[static_cast<std::size_t>(owner)];
    load.rows += 1;
    load.loss_rows += loss_share;
    load.nonzeros += nonzeros;
    distinct_.clear();
    for (const int other : neighbour_owners)
        if (other != owner) distinct_.push_back(other);
    std::sort(distinct_.begin(), distinct_.end());
    distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
    (distinct_.empty() ? load.interior_edges : load.boundary_edges) +=
        static_cast<double>(neighbour_owners.size());
    // The graph is symmetric: whoever has a neighbour of this row needs the row.
    for (const int to : distinct_) ++sent_[static_cast<std::size_t>(owner)][static_cast<std::size_t>(to)];
}

std::vector<RankLoad> LoadCounter::loads() const {
    std::vector<RankLoad> loads = loads_;
    for (std::size_t from = 0; from < loads.size(); ++from)
        for (std::size_t to = 0; to < loads.size(); ++to)
            if (sent_[from][to] > 0) loads[from].sends.emplace_back(static_cast<int>(to), sent_[from][to]);
    return loads;
}

std::vector<RankLoad> loads_of_prepared(const std::filesystem::path& prepared, int ranks,
                                        double nonzeros_a_row, double loss_share) {
    const PreparedSummary summary = read_prepared_summary(prepared);
    const IndexMap map = place_on_ranks(summary, ranks);
    const TrainingBlock block = read_training_block(Communicator::self(), prepared, summary);
    std::vector<int> owner;
    owner.reserve(static_cast<std::size_t>(summary.num_train));
    for (std::int64_t c = 0; c < map.num_clusters(); ++c)
        owner.resize(static_cast<std::size_t>(map.cluster_rows(c).end), map.rank_of_cluster(c));
    LoadCounter counter(ranks);
    std::vector<int> owners;
    for (std::size_t row = 0; row < owner.size(); ++row) {
        owners.clear();
        for (auto e = block.graph_offsets[row]; e < block.graph_offsets[row + 1]; ++e)
            owners.push_back(
                owner[static_cast<std::size_t>(block.graph_columns[static_cast<std::size_t>(e)])]);
        counter.add(owner[row], owners, nonzeros_a_row, loss_share);
    }
    return counter.loads();
}

std::vector<std::vector<RankLoad>> loads_of_drawn_graph(const Communicator& self, std::int64_t cells,
                                                        std::int64_t k, std::int64_t dimensions,
                                                        std::int64_t cells_a_cluster,
                                                        std::span<const int> ranks, double nonzeros_a_row,
                                                        double loss_share) {
    constexpr double kTypesApart = 20;  // standard deviations of a type: hardly any edge between types
    const PlacedRandom random(1, RandomStream::kSimulate);
    const std::vector<double> bounds = Simulator(one_gene(), 1).type_bounds();
    DistributedGraph graph;
    {
        std::vector<double> points(static_cast<std::size_t>(cells * dimensions));
        for (std::int64_t cell = 0; cell < cells; ++cell) {
            const auto item = static_cast<std::uint64_t>(cell);
            const auto type =
                std::upper_bound(bounds.begin(), bounds.end() - 1, random.uniform(item, 0)) - bounds.begin();
            double* at = points.data() + cell * dimensions;
            random.fill_normals(item, 1, at, dimensions);
            at[type % dimensions] += kTypesApart * static_cast<double>(1 + type / dimensions);
        }
        // Whether a neighbour is the nearest or the next but one changes no halo.
        const KnnGraph knn = knn_approximate(self, points, dimensions, k, {.recall = 0.9});
        points = {};
        graph = symmetrise(self, cells, knn.neighbours, knn.k);
    }
    std::vector<std::int32_t> weights;
    for (std::int64_t r = 0; r < cells; ++r)
        weights.push_back(static_cast<std::int32_t>(nonzeros_a_row) +
                          static_cast<std::int32_t>(graph.degree(r)));
    const Clusters clusters =
        make_clusters(self, graph, weights, std::max<std::int64_t>(64, cells / cells_a_cluster));
    std::vector<std::vector<RankLoad>> all;
    std::vector<int> owners;
    for (const int count : ranks) {
        const std::vector<int> placed = place_clusters(
            {clusters.graph.offsets, clusters.graph.neighbours, clusters.graph.edges, clusters.weights},
            count);
        const auto owner = [&](std::int64_t row) {
            return placed[static_cast<std::size_t>(clusters.of_row[static_cast<std::size_t>(row)])];
        };
        LoadCounter counter(count);
        for (std::int64_t row = 0; row < cells; ++row) {
            owners.clear();
            for (const std::int64_t column : graph.neighbours(row)) owners.push_back(owner(column));
            counter.add(owner(row), owners, nonzeros_a_row, loss_share);
        }
        all.push_back(counter.loads());
    }
    return all;
}

std::vector<RankLoad> extrapolated_loads(std::span<const StudyPoint> known, int ranks, double rows_a_rank) {
    std::vector<double> sizes, ghosts, neighbours;
    const StudyPoint* largest = nullptr;
    for (const StudyPoint& point : known) {
        if (point.ranks() < 2 || point.extrapolated) continue;
        double sent = 0, links = 0;
        for (const RankLoad& load : point.loads) {
            sent += static_cast<double>(load.sent_rows()) / load.rows;
            links += static_cast<double>(load.sends.size());
        }
        if (sent == 0) continue;
        sizes.push_back(point.ranks());
        ghosts.push_back(sent / point.ranks());
        neighbours.push_back(links / point.ranks());
        if (largest == nullptr || point.ranks() > largest->ranks()) largest = &point;
    }
    if (sizes.size() < 2)
        throw InputError("an extrapolation needs study points of two numbers of ranks at least");
    const double share = fit_log_line(sizes, ghosts)(ranks);
    const auto links =
        std::clamp<std::int64_t>(std::llround(fit_log_line(sizes, neighbours)(ranks)), 1, ranks - 1);

    double mean_sent = 0;
    for (const RankLoad& load : largest->loads)
        mean_sent += static_cast<double>(load.sent_rows()) / largest->ranks();
    std::vector<RankLoad> loads;
    for (int rank = 0; rank < ranks; ++rank) {
        // The unevenness of the largest partition, over and over.
        const RankLoad& like = largest->loads[static_cast<std::size_t>(rank % largest->ranks())];
        const double scale = rows_a_rank / like.rows;
        RankLoad load = like;
        load.sends.clear();
        load.rows = rows_a_rank;
        load.loss_rows *= scale;
        load.nonzeros *= scale;
        const double uneven = static_cast<double>(like.sent_rows()) / mean_sent;
        const double sent = std::min(share * uneven * rows_a_rank, rows_a_rank * static_cast<double>(links));
        const double edges = (like.interior_edges + like.boundary_edges) * scale;
        const double boundary =
            std::min(edges, like.boundary_edges * scale *
                                (sent / std::max(1.0, static_cast<double>(like.sent_rows()) * scale)));
        load.boundary_edges = boundary;
        load.interior_edges = edges - boundary;
        // Neighbours on both sides in the order of ranks, which is that of a bisection.
        for (std::int64_t j = 0; j < links; ++j) {
            const std::int64_t step = j / 2 + 1;
            const std::int64_t to = ((rank + (j % 2 == 0 ? step : -step)) % ranks + ranks) % ranks;
            load.sends.emplace_back(
                static_cast<int>(to),
                std::max<std::int64_t>(1, std::llround(sent / static_cast<double>(links))));
        }
        loads.push_back(std::move(load));
    }
    return loads;
}

}  // namespace lapatlas::bench
