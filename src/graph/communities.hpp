#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lapatlas {

/// A graph without direction: each edge once.
struct WeightedEdges {
    std::vector<std::int64_t> from, to;
    std::vector<double> weight;
};

/// Cells joined with their nearest ones (`neighbours` [cells, k], others than themselves, -1: none), each
/// edge weighted by how much the two neighbourhoods, cells themselves included, are the same: the Jaccard
/// index (Levine et al. 2015, PhenoGraph). Cells whose neighbourhoods share nothing are not joined.
WeightedEdges jaccard_edges(std::span<const std::int64_t> neighbours, std::int64_t k);

/// Communities of a graph that together have a high modularity, by NetworKit's Leiden or Louvain method.
struct CommunityOptions {
    std::string method = "leiden";  ///< or "louvain"
    double resolution = 1;          ///< larger: more of them
    std::uint64_t seed = 0;
};

/// Rank-local. The community of each of `num_cells` cells, numbered from 0 by falling size (the one of the
/// lowest cell first where sizes are equal). A pure function of its arguments: one thread.
std::vector<std::int32_t> find_communities(std::int64_t num_cells, const WeightedEdges& edges,
                                           const CommunityOptions& options);

/// Of the library that finds them.
std::string community_library_version();

}  // namespace lapatlas
