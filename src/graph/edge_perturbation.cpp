#include "src/graph/edge_perturbation.hpp"

#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "dist/halo_exchange.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr double kSmallestWeight = 1e-4, kLargestWeight = 10.0;  // LapDDPM 3.3, step 3
constexpr double kCap = 5;

template <class Visit>
void for_each_edge(const GraphShard& shard, Visit visit) {
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (std::int64_t e = shard.row_offsets[static_cast<std::size_t>(r)];
             e < shard.row_offsets[static_cast<std::size_t>(r) + 1]; ++e)
            visit(static_cast<std::size_t>(r), static_cast<std::size_t>(e),
                  static_cast<std::size_t>(shard.columns[static_cast<std::size_t>(e)]));
}

/// Whether an edge stands for neighbours that are not active: as many as the row lacks, and nobody's to
/// perturb.
bool leads_back(std::size_t row, std::size_t column) { return row == column; }
float weight_of_absent(const GraphShard& shard, std::size_t row) {
    return static_cast<float>(shard.absent[row]);
}

/// Collective. The factor f with mean(min(f x, cap)^2) = target^2 over all edges; a few rounds settle it.
double scale_to_rms(const Communicator& comm, const std::vector<double>& x, double num_edges, double target) {
    const double cap = kCap * target;
    double factor = 0;
    for (int round = 0; round < 5; ++round) {
        double free_squares = 0, capped = 0;
        for (const double value : x) {
            if (round > 0 && factor * value >= cap)
                capped += 1;
            else
                free_squares += value * value;
        }
        double sums[2] = {free_squares, capped};
        all_reduce_sum(comm, std::span<double>(sums));
        const double wanted = target * target * num_edges - sums[1] * cap * cap;
        if (sums[0] <= 0 || wanted <= 0) break;
        factor = std::sqrt(wanted / sums[0]);
        if (round > 0 && sums[1] == 0) break;
    }
    return factor;
}

}  // namespace

EdgePerturbation::EdgePerturbation(const EdgePerturbationOptions& options, std::int64_t num_owned_rows)
    : options_(options), eigenvector_(static_cast<std::size_t>(num_owned_rows), 1.0) {}

std::vector<float> EdgePerturbation::random_weights(const GraphShard& shard, std::uint32_t step) const {
    const PlacedRandom random(options_.seed, RandomStream::kEdgePerturbation);
    std::vector<float> weights(shard.columns.size());
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        if (leads_back(row, column)) {
            weights[edge] = weight_of_absent(shard, row);
            return;
        }
        const std::int64_t a = shard.owned_ids[row];
        const std::int64_t b = shard.global_id(static_cast<std::int32_t>(column));
        // Two rows, one place: the lower row is the item, the higher one goes into step and draw.
        const auto low = static_cast<std::uint64_t>(std::min(a, b));
        const auto high = static_cast<std::uint64_t>(std::max(a, b));
        const auto words = random.words(low | (high >> 32) << 48, step, static_cast<std::uint32_t>(high));
        const double size = options_.alpha_min +
                            (options_.alpha_max - options_.alpha_min) * uniform_double(words[0], words[1]);
        weights[edge] = static_cast<float>(1 + ((words[2] & 1) != 0 ? size : -size));
    });
    return weights;
}

std::vector<float> EdgePerturbation::weights(const Communicator& comm, const GraphShard& shard,
                                             std::span<const std::int32_t> kept_rows, std::uint32_t step) {
    std::vector<float> weights = random_weights(shard, step);
    const std::int64_t leading_back = std::count_if(shard.absent.begin(), shard.absent.end(),
                                                    [](std::int32_t absent) { return absent > 0; });
    const double num_edges = static_cast<double>(all_reduce_sum(comm, shard.num_edges() - leading_back));
    const auto owned = static_cast<std::size_t>(shard.num_owned);
    std::vector<double> v(owned + static_cast<std::size_t>(shard.num_ghosts()));
    for (std::size_t r = 0; r < owned; ++r) v[r] = eigenvector_[static_cast<std::size_t>(kept_rows[r])];
    HaloExchange<double> halo(comm, shard.plan);
    halo.exchange(v.data(), shard.num_owned, 1);

    std::vector<double> next(owned), products(shard.columns.size());
    const double share =
        options_.epsilon / static_cast<double>(std::max<std::int64_t>(1, options_.power_iterations));
    for (std::int64_t iteration = 0; iteration < options_.power_iterations; ++iteration) {
        std::fill(next.begin(), next.end(), 0.0);
        for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
            next[row] += static_cast<double>(weights[edge]) * v[column];
        });
        double squares = 0;
        for (const double value : next) squares += value * value;
        const double norm = std::sqrt(all_reduce_sum(comm, squares));
        if (norm > 0)
            for (std::size_t r = 0; r < owned; ++r) v[r] = next[r] / norm;
        halo.exchange(v.data(), shard.num_owned, 1);

        for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
            products[edge] = leads_back(row, column) ? 0 : v[row] * v[column];
        });
        const double factor = scale_to_rms(comm, products, num_edges, share);
        for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
            if (leads_back(row, column)) return;
            const double delta = std::min(factor * products[edge], kCap * share);
            weights[edge] = static_cast<float>(
                std::clamp(static_cast<double>(weights[edge]) + delta, kSmallestWeight, kLargestWeight));
        });
    }
    // Rows that this step left out keep their last estimate; a row's scale is that of a vector of ones, so
    // that rows of different steps can meet in a later one.
    const double scale = std::sqrt(static_cast<double>(all_reduce_sum(comm, shard.num_owned)));
    for (std::size_t r = 0; r < owned; ++r)
        eigenvector_[static_cast<std::size_t>(kept_rows[r])] = std::max(v[r] * scale, 1e-6);

    double changed = 0;
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        changed += !leads_back(row, column) && std::abs(weights[edge] - 1.0f) > 0.01f ? 1 : 0;
    });
    share_changed_ = num_edges > 0 ? all_reduce_sum(comm, changed) / num_edges : 0;
    return weights;
}

std::vector<float> laplacian_entries(const Communicator& comm, const GraphShard& shard,
                                     std::span<const float> weights) {
    const auto owned = static_cast<std::size_t>(shard.num_owned);
    std::vector<double> inverse_roots(owned + static_cast<std::size_t>(shard.num_ghosts()), 0);
    const auto weight = [&](std::size_t row, std::size_t edge, std::size_t column) {
        if (!weights.empty()) return static_cast<double>(weights[edge]);
        return leads_back(row, column) ? static_cast<double>(weight_of_absent(shard, row)) : 1.0;
    };
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        inverse_roots[row] += weight(row, edge, column);
    });
    for (std::size_t r = 0; r < owned; ++r)
        inverse_roots[r] = inverse_roots[r] > 0 ? 1 / std::sqrt(inverse_roots[r]) : 0;
    HaloExchange<double>(comm, shard.plan).exchange(inverse_roots.data(), shard.num_owned, 1);
    std::vector<float> entries(shard.columns.size());
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        entries[edge] =
            static_cast<float>(-weight(row, edge, column) * inverse_roots[row] * inverse_roots[column]);
    });
    return entries;
}

}  // namespace lapatlas
