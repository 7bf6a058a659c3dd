#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. Centroids [num_centroids, p] of a k-means over the points of all ranks (see knn.hpp), for
/// cutting space into lists: a start of points chosen by a hash of (seed, global row), a few rounds of
/// Lloyd's algorithm on a hashed sample. Whole and equal on every rank, and the same for any number of ranks:
/// sums are exact. Needs 1 <= num_centroids <= number of points.
std::vector<double> kmeans_centroids(const Communicator& comm, std::span<const double> points, std::int64_t p,
                                     std::int64_t num_centroids, std::uint64_t seed);

}  // namespace lapatlas
