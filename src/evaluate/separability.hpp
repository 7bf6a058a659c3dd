#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

/// Area under the ROC curve of `scores` for telling class 1 from class 0 (ties count half). NaN unless both
/// occur.
double area_under_curve(const std::vector<double>& scores, const std::vector<int>& classes);

/// A fold (0 .. num_folds-1) for each of `num_cells` cells, as even as can be, in a random order of place
/// (item = cell, step).
std::vector<int> random_folds(std::int64_t num_cells, int num_folds, const PlacedRandom& random,
                              std::uint32_t step, std::uint64_t first_item = 0);

/// Two samples of the same size and space with a fold for each cell: what a classifier is to tell apart.
struct TwoSamples {
    TwoSamples(const Points& real, const Points& other, const std::vector<int>& real_folds,
               const std::vector<int>& other_folds);
    Points points;             // [real + other, num_components]
    std::vector<int> classes;  // 0 real, 1 other
    std::vector<int> folds;
};

/// AUC of out-of-fold probabilities of a random forest (depth 5). Both samples are of one size, so classes
/// are balanced.
double forest_auc(const TwoSamples& samples, std::int64_t num_trees, std::uint32_t seed);

/// AUC of out-of-fold scores: the share of class 1 among the k nearest cells of the other folds.
double knn_auc(const TwoSamples& samples, std::int64_t k);

}  // namespace lapatlas
