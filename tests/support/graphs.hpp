#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <vector>

#include "partition/distributed_graph.hpp"
#include "src/random/philox.hpp"

namespace lapatlas::testing_support {

/// k directed targets of each of `rows` rows, [rows, k]: row r points at r + 1 within its group (so that a
/// group is connected) and at k - 1 random rows of its group. Groups are r mod `groups`.
inline std::vector<std::int64_t> clustered_targets(std::int64_t rows, std::int64_t k, int groups,
                                                   std::uint64_t seed) {
    const PlacedRandom random(seed, RandomStream::kEvaluate);
    std::vector<std::int64_t> targets;
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t group = r % groups;
        const std::int64_t size = (rows - group + groups - 1) / groups;
        const std::int64_t place = r / groups;
        for (std::int64_t j = 0; j < k; ++j) {
            const auto jump =
                j == 0 ? 1
                       : 1 + static_cast<std::int64_t>(random.uniform(static_cast<std::uint64_t>(r), 0,
                                                                      static_cast<std::uint32_t>(j)) *
                                                       static_cast<double>(size - 1));
            targets.push_back((place + jump) % size * groups + group);
        }
    }
    return targets;
}

/// Collective. The symmetrised graph of directed targets that every rank knows in full.
inline DistributedGraph block_graph(const Communicator& comm, const std::vector<std::int64_t>& targets,
                                    std::int64_t rows, std::int64_t k) {
    const BlockRange mine = block_of_rank(rows, comm.size(), comm.rank());
    return symmetrise(
        comm, rows,
        std::span<const std::int64_t>(targets).subspan(static_cast<std::size_t>(mine.begin * k),
                                                       static_cast<std::size_t>(mine.size() * k)),
        k);
}

/// The same graph as a dense 0/1 matrix, built independently.
inline Eigen::MatrixXd dense_adjacency(const std::vector<std::int64_t>& targets, std::int64_t rows,
                                       std::int64_t k) {
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(rows, rows);
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < k; ++j) {
            const std::int64_t to = targets[static_cast<std::size_t>(r * k + j)];
            if (to != r) a(r, to) = a(to, r) = 1;
        }
    }
    return a;
}

}  // namespace lapatlas::testing_support
