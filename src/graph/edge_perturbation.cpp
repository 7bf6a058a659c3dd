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

/// Collective. The factor f with mean(min(f |x|, cap)^2) = target^2 over all edges; a few rounds settle it.
double scale_to_rms(const Communicator& comm, std::span<const double> x, double num_edges, double target) {
    const double cap = kCap * target;
    double factor = 0;
    for (int round = 0; round < 5; ++round) {
        double free_squares = 0, capped = 0;
        for (const double value : x) {
            if (round > 0 && factor * std::abs(value) >= cap)
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

double edges_of_all_ranks(const Communicator& comm, const GraphShard& shard) {
    const std::int64_t leading_back = std::count_if(shard.absent.begin(), shard.absent.end(),
                                                    [](std::int32_t absent) { return absent > 0; });
    return static_cast<double>(all_reduce_sum(comm, shard.num_edges() - leading_back));
}

/// Collective. The columns of `block` [rows, width], of all ranks together, made orthonormal: by the Cholesky
/// factor of their Gram matrix. A column that depends on those before it becomes 0.
void orthonormalise(const Communicator& comm, std::size_t rows, std::size_t width,
                    std::vector<double>& block) {
    std::vector<double> gram(width * width, 0);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t a = 0; a < width; ++a)
            for (std::size_t b = 0; b <= a; ++b)
                gram[a * width + b] += block[r * width + a] * block[r * width + b];
    all_reduce_sum(comm, std::span<double>(gram));
    // Lower triangle L of L L^T = G, in place.
    std::vector<double> inverse(width, 0);
    for (std::size_t a = 0; a < width; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
            double sum = gram[a * width + b];
            for (std::size_t c = 0; c < b; ++c) sum -= gram[a * width + c] * gram[b * width + c];
            if (b < a) {
                gram[a * width + b] = sum * inverse[b];
            } else {
                constexpr double kDependent = 1e-20;
                const bool stands = sum > kDependent * (1 + gram[a * width + a]);
                gram[a * width + a] = stands ? std::sqrt(sum) : 0;
                inverse[a] = stands ? 1 / gram[a * width + a] : 0;
            }
        }
    }
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t a = 0; a < width; ++a) {
            double& value = block[r * width + a];
            for (std::size_t b = 0; b < a; ++b) value -= gram[a * width + b] * block[r * width + b];
            value *= inverse[a];
        }
}

/// Two rows, one place of a PlacedRandom: the lower row is the item, the higher one goes into item and draw.
struct EdgePlace {
    std::uint64_t item;
    std::uint32_t draw;
};
EdgePlace place_of_edge(const GraphShard& shard, std::size_t row, std::size_t column) {
    const std::int64_t a = shard.owned_ids[row];
    const std::int64_t b = shard.global_id(static_cast<std::int32_t>(column));
    const auto low = static_cast<std::uint64_t>(std::min(a, b)),
               high = static_cast<std::uint64_t>(std::max(a, b));
    return {low | (high >> 32) << 48, static_cast<std::uint32_t>(high)};
}

}  // namespace

EdgePerturbation::EdgePerturbation(const EdgePerturbationOptions& options, std::span<const std::int64_t> ids)
    : options_(options), eigenvectors_(first_eigenvectors(ids)) {}

std::vector<double> EdgePerturbation::first_eigenvectors(std::span<const std::int64_t> ids) const {
    const PlacedRandom random(options_.seed, RandomStream::kEigenStart);
    std::vector<double> first;
    for (const std::int64_t id : ids)
        for (std::int64_t mode = 0; mode < options_.modes; ++mode)
            first.push_back(mode == 0 ? 1.0
                                      : random.normals(static_cast<std::uint64_t>(id), 0,
                                                       static_cast<std::uint32_t>(mode))[0]);
    return first;
}

std::vector<float> EdgePerturbation::random_weights(const GraphShard& shard, std::uint32_t step) const {
    const PlacedRandom random(options_.seed, RandomStream::kEdgePerturbation);
    std::vector<float> weights(shard.columns.size());
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        if (leads_back(row, column)) {
            weights[edge] = weight_of_absent(shard, row);
            return;
        }
        const EdgePlace place = place_of_edge(shard, row, column);
        const auto words = random.words(place.item, step, place.draw);
        const double size = options_.alpha_min +
                            (options_.alpha_max - options_.alpha_min) * uniform_double(words[0], words[1]);
        weights[edge] = static_cast<float>(1 + ((words[2] & 1) != 0 ? size : -size));
    });
    return weights;
}

void EdgePerturbation::edit_locally(const GraphShard& shard, std::uint32_t step,
                                    std::vector<float>& weights) const {
    const PlacedRandom of_rows(options_.seed, RandomStream::kLocalEdits),
        of_edges(options_.seed, RandomStream::kLocalEditKinds);
    const auto is_chosen = [&](std::int64_t id) {
        return of_rows.uniform(static_cast<std::uint64_t>(id), step) < options_.local_edits;
    };
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        if (leads_back(row, column)) return;
        if (!is_chosen(shard.owned_ids[row]) &&
            !is_chosen(shard.global_id(static_cast<std::int32_t>(column))))
            return;
        const EdgePlace place = place_of_edge(shard, row, column);
        const bool cut = (of_edges.words(place.item, step, place.draw)[0] & 1) != 0;
        weights[edge] = static_cast<float>(
            cut ? kSmallestWeight : std::min(2.0 * static_cast<double>(weights[edge]), kLargestWeight));
    });
}

void move_weights(const Communicator& comm, const GraphShard& shard, std::span<const double> direction,
                  double rms, std::vector<float>& weights) {
    const double factor = scale_to_rms(comm, direction, edges_of_all_ranks(comm, shard), rms);
    for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
        if (leads_back(row, column)) return;
        const double delta = std::clamp(factor * direction[edge], -kCap * rms, kCap * rms);
        weights[edge] = static_cast<float>(
            std::clamp(static_cast<double>(weights[edge]) + delta, kSmallestWeight, kLargestWeight));
    });
}

std::vector<float> EdgePerturbation::weights(const Communicator& comm, const GraphShard& shard,
                                             std::span<const std::int32_t> kept_rows, std::uint32_t step) {
    std::vector<float> weights = random_weights(shard, step);
    const double num_edges = edges_of_all_ranks(comm, shard);
    const auto owned = static_cast<std::size_t>(shard.num_owned),
               modes = static_cast<std::size_t>(options_.modes);
    std::vector<double> v((owned + static_cast<std::size_t>(shard.num_ghosts())) * modes);
    for (std::size_t r = 0; r < owned; ++r)
        std::copy_n(eigenvectors_.begin() + static_cast<std::ptrdiff_t>(kept_rows[r]) * options_.modes, modes,
                    v.begin() + static_cast<std::ptrdiff_t>(r * modes));
    HaloExchange<double> halo(comm, shard.plan);
    halo.exchange(v.data(), shard.num_owned, options_.modes);
    std::vector<double> signs{1};
    const PlacedRandom of_signs(options_.seed, RandomStream::kModeSigns);
    while (signs.size() < modes) signs.push_back((of_signs.words(signs.size(), step)[0] & 1) != 0 ? 1 : -1);

    std::vector<double> next(owned * modes), products(shard.columns.size());
    const double share =
        options_.epsilon / static_cast<double>(std::max<std::int64_t>(1, options_.power_iterations));
    for (std::int64_t iteration = 0; iteration < options_.power_iterations; ++iteration) {
        std::fill(next.begin(), next.end(), 0.0);
        for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
            for (std::size_t m = 0; m < modes; ++m)
                next[row * modes + m] += static_cast<double>(weights[edge]) * v[column * modes + m];
        });
        orthonormalise(comm, owned, modes, next);
        std::copy(next.begin(), next.end(), v.begin());
        halo.exchange(v.data(), shard.num_owned, options_.modes);
        for_each_edge(shard, [&](std::size_t row, std::size_t edge, std::size_t column) {
            products[edge] = 0;
            if (leads_back(row, column)) return;
            for (std::size_t m = 0; m < modes; ++m)
                products[edge] += signs[m] * v[row * modes + m] * v[column * modes + m];
        });
        move_weights(comm, shard, products, share, weights);
    }
    // Rows that this step left out keep their last estimate; a row's scale is that of a vector of ones, so
    // that rows of different steps can meet in a later one.
    const double scale = std::sqrt(static_cast<double>(all_reduce_sum(comm, shard.num_owned)));
    for (std::size_t r = 0; r < owned; ++r)
        for (std::size_t m = 0; m < modes; ++m) {
            const double value = v[r * modes + m] * scale;
            eigenvectors_[static_cast<std::size_t>(kept_rows[r]) * modes + m] =
                m == 0 ? std::max(value, 1e-6) : value;
        }
    if (options_.local_edits > 0) edit_locally(shard, step, weights);

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
