#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Agreement of labels with the communities that Leiden finds among cells.
struct CommunityAgreement {
    double resolution = 0;
    double ari = 0, nmi = 0, homogeneity = 0;
};

/// Rank-local. Of the Jaccard-weighted graph of each cell's 15 nearest (Euclidean), at the one of 20
/// resolutions from 0.01 to 2 where the adjusted Rand index is highest (DICE, appendix E.3). NaN without
/// cells.
CommunityAgreement best_communities(const Points& cells, const std::vector<std::int32_t>& labels,
                                    std::uint64_t seed);

}  // namespace lapatlas
