#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/graph_shard.hpp"

namespace lapatlas {

/// A way to change the edge weights of a graph, all of 1, by a root mean square of `budget`.
struct EdgeAttack {
    /// - random: each weight up or down;
    /// - local: around random rows edges are cut or doubled (EdgePerturbation);
    /// - degree: edges between rows with many neighbours are raised;
    /// - spectral: along the leading eigenvector (LapDDPM 3.3), converged;
    /// - modes: along the leading `modes` eigenvectors;
    /// - gradient: along the gradient of a loss.
    std::string kind;
    double budget = 0;
    std::int64_t modes = 4;
    std::uint64_t seed = 0;
};

/// Collective. The weights [edges] of a whole graph under an attack; both owners of an edge give it the same
/// one. `gradient` [edges] is that of the loss to raise, wanted by "gradient" alone.
std::vector<float> attacked_weights(const Communicator& comm, const GraphShard& shard,
                                    const EdgeAttack& attack, std::span<const double> gradient = {});

}  // namespace lapatlas
