#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// How well a space of cells keeps their labels apart (DICE, appendix D; Rackl et al., table 1). NaN where a
/// figure is not defined.
struct SpaceFigures {
    double silhouette = 0;                     ///< cosine, by label
    double clisi = 0;                          ///< mean over cells, raw: 1 is pure; of Euclidean neighbours
    double cosine_clisi = 0;                   ///< of neighbours by cosine, which are those of DICE's tables
    double ari = 0, nmi = 0, homogeneity = 0;  ///< of a k-means into as many groups as there are labels; best
                                               ///< of 10 starts
    double leiden_ari = 0, leiden_nmi = 0, leiden_homogeneity = 0;  ///< see best_communities

    static SpaceFigures none();
    /// Each with its name, in this order.
    std::vector<std::pair<std::string, double>> named() const;
};

/// Rank-local. `labels` [cells], all >= 0.
SpaceFigures figures_of_space(const Points& cells, const std::vector<std::int32_t>& labels,
                              std::uint64_t seed);

/// Cells of `width` values each.
Points points_of(const std::vector<float>& values, std::int64_t width);

/// null where a number is not finite.
nlohmann::json finite_json(double number);
nlohmann::json json_of(const SpaceFigures& figures);

}  // namespace lapatlas
