#include "src/evaluate/separability.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "dist/error.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/nearest_cells.hpp"
#include "src/evaluate/random_forest.hpp"
#include "src/evaluate/random_places.hpp"

namespace lapatlas {
namespace {

/// Calls score(training rows, held-out rows, scores) for each fold, then the AUC of all held-out scores
/// together.
template <class Score>
double out_of_fold_auc(const TwoSamples& samples, Score&& score) {
    std::vector<double> scores(samples.classes.size());
    const int num_folds = 1 + *std::max_element(samples.folds.begin(), samples.folds.end());
    for (int fold = 0; fold < num_folds; ++fold) {
        std::vector<std::int64_t> seen, held_out;
        for (std::size_t i = 0; i < samples.folds.size(); ++i)
            (samples.folds[i] == fold ? held_out : seen).push_back(static_cast<std::int64_t>(i));
        if (seen.empty() || held_out.empty()) continue;
        const std::vector<double> of_fold = score(fold, seen, held_out);
        for (std::size_t i = 0; i < held_out.size(); ++i)
            scores[static_cast<std::size_t>(held_out[i])] = of_fold[i];
    }
    return area_under_curve(scores, samples.classes);
}

std::vector<int> classes_of(const TwoSamples& samples, const std::vector<std::int64_t>& rows) {
    std::vector<int> classes;
    for (const std::int64_t row : rows) classes.push_back(samples.classes[static_cast<std::size_t>(row)]);
    return classes;
}

}  // namespace

double area_under_curve(const std::vector<double>& scores, const std::vector<int>& classes) {
    const std::vector<double> ranks = average_ranks(scores);
    double rank_sum = 0, ones = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i)
        if (classes[i] == 1) rank_sum += ranks[i], ones += 1;
    const double zeros = static_cast<double>(ranks.size()) - ones;
    if (ones == 0 || zeros == 0) return std::numeric_limits<double>::quiet_NaN();
    return (rank_sum - ones * (ones + 1) / 2) / (ones * zeros);
}

std::vector<int> random_folds(std::int64_t num_cells, int num_folds, const PlacedRandom& random,
                              std::uint32_t step, std::uint64_t first_item) {
    std::vector<std::int64_t> items(static_cast<std::size_t>(num_cells));
    std::iota(items.begin(), items.end(), static_cast<std::int64_t>(first_item));
    const auto order = shuffled(items, random, step);
    std::vector<int> folds(items.size());
    for (std::size_t place = 0; place < order.size(); ++place)
        folds[static_cast<std::size_t>(order[place]) - first_item] =
            static_cast<int>(place % static_cast<std::size_t>(num_folds));
    return folds;
}

TwoSamples::TwoSamples(const Points& real, const Points& other, const std::vector<int>& real_folds,
                       const std::vector<int>& other_folds)
    : points(stack(real, other)), folds(real_folds) {
    classes.assign(static_cast<std::size_t>(real.rows()), 0);
    classes.resize(static_cast<std::size_t>(points.rows()), 1);
    folds.insert(folds.end(), other_folds.begin(), other_folds.end());
    ensure(folds.size() == classes.size(), "one fold a cell");
}

double forest_auc(const TwoSamples& samples, std::int64_t num_trees, std::uint32_t seed) {
    constexpr int kDepth = 5;
    return out_of_fold_auc(samples, [&](int fold, const auto& seen, const auto& held_out) {
        return forest_probabilities(select_points(samples.points, seen), classes_of(samples, seen),
                                    select_points(samples.points, held_out), num_trees, kDepth,
                                    seed + static_cast<std::uint32_t>(fold));
    });
}

double knn_auc(const TwoSamples& samples, std::int64_t k) {
    return out_of_fold_auc(samples, [&](int, const auto& seen, const auto& held_out) {
        const Points reference = select_points(samples.points, seen);
        const std::vector<int> classes = classes_of(samples, seen);
        std::vector<double> scores;
        for (const std::int64_t row : held_out) {
            const auto neighbours = nearest_cells(reference, samples.points.row(row), k);
            double ones = 0;
            for (const Neighbour& neighbour : neighbours)
                ones += classes[static_cast<std::size_t>(neighbour.row)];
            scores.push_back(ones / static_cast<double>(neighbours.size()));
        }
        return scores;
    });
}

}  // namespace lapatlas
