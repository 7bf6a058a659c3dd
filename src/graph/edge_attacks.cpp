#include "src/graph/edge_attacks.hpp"

#include <cmath>
#include <numeric>

#include "dist/error.hpp"
#include "dist/halo_exchange.hpp"
#include "src/graph/edge_perturbation.hpp"

namespace lapatlas {

namespace {

/// The eigenvectors of a graph that is attacked once are wanted exactly.
constexpr std::int64_t kIterations = 100;

std::vector<float> perturbed(const Communicator& comm, const GraphShard& shard,
                             const EdgePerturbationOptions& options) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(shard.num_owned));
    std::iota(all.begin(), all.end(), 0);
    return EdgePerturbation(options, shard.owned_ids).weights(comm, shard, all, 0);
}

/// d_i d_j of every edge.
std::vector<double> products_of_degrees(const Communicator& comm, const GraphShard& shard) {
    std::vector<double> degrees(static_cast<std::size_t>(shard.num_owned + shard.num_ghosts()));
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        degrees[static_cast<std::size_t>(r)] = static_cast<double>(shard.neighbours(r).size());
    HaloExchange<double>(comm, shard.plan).exchange(degrees.data(), shard.num_owned, 1);
    std::vector<double> products;
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (const std::int32_t column : shard.neighbours(r))
            products.push_back(degrees[static_cast<std::size_t>(r)] *
                               degrees[static_cast<std::size_t>(column)]);
    return products;
}

}  // namespace

std::vector<float> attacked_weights(const Communicator& comm, const GraphShard& shard,
                                    const EdgeAttack& attack, std::span<const double> gradient) {
    EdgePerturbationOptions options{
        .alpha_min = 0, .alpha_max = 0, .epsilon = 0, .power_iterations = 0, .seed = attack.seed};
    if (attack.kind == "random") {
        options.alpha_min = options.alpha_max = attack.budget;
        return perturbed(comm, shard, options);
    }
    if (attack.kind == "local") {
        // An edge is touched unless both its ends are spared, and then changes by 1.
        options.local_edits = 1 - std::sqrt(std::max(0.0, 1 - attack.budget * attack.budget));
        return perturbed(comm, shard, options);
    }
    if (attack.kind == "spectral" || attack.kind == "modes") {
        options.epsilon = attack.budget;
        options.power_iterations = kIterations;
        options.modes = attack.kind == "modes" ? attack.modes : 1;
        return perturbed(comm, shard, options);
    }
    std::vector<float> weights(static_cast<std::size_t>(shard.num_edges()), 1);
    if (attack.kind == "degree") {
        move_weights(comm, shard, products_of_degrees(comm, shard), attack.budget, weights);
    } else {
        ensure(attack.kind == "gradient" && std::ssize(gradient) == shard.num_edges(),
               "an attack is one of those that are known");
        move_weights(comm, shard, gradient, attack.budget, weights);
    }
    return weights;
}

}  // namespace lapatlas
