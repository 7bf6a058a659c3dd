#include "src/evaluate/halving_figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/comparison.hpp"
#include "src/evaluate/label_agreement.hpp"
#include "src/evaluate/manifold_overlap.hpp"
#include "src/evaluate/mmd.hpp"
#include "src/evaluate/neighbour_mixing.hpp"
#include "src/evaluate/optimal_transport.hpp"
#include "src/evaluate/random_places.hpp"
#include "src/evaluate/separability.hpp"
#include "src/preprocess/pca.hpp"

namespace lapatlas {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kFolds = 5;
constexpr std::int64_t kNeighbours = 5;
constexpr std::int64_t kJointComponents = 50;

/// The folds and seed of a comparison's classifiers: the same for both of its sides.
struct Folds {
    std::vector<int> real, other;
    std::uint32_t forest_seed;
};

double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// kTypeFigureNames of two samples of one size.
std::array<double, kNumTypeFigures> score_points(const Points& real, const Points& other, const Folds& folds,
                                                 std::int64_t num_trees) {
    const TwoSamples samples(real, other, folds.real, folds.other);
    return {forest_auc(samples, num_trees, folds.forest_seed), knn_auc(samples, kNeighbours),
            wasserstein2(real, other), mmd2_median(real, other), mmd2_published(real, other)};
}

/// In the principal components of the two samples pooled.
double joint_forest_auc(const Comparison& pair, const Folds& folds, std::int64_t num_trees,
                        std::uint64_t seed) {
    const CountMatrix pooled = stack_rows(take_rows(pair.real_cells.expression, pair.real),
                                          take_rows(pair.other_cells.expression, pair.other));
    const PcaResult joint = pca(Communicator::self(), pooled,
                                {.components = kJointComponents, .seed = seed, .tolerance = kSpanTolerance});
    const Eigen::Map<const Points> points(joint.scores.data(), pooled.num_rows(), joint.pca.num_components);
    const auto num_real = static_cast<Eigen::Index>(pair.real.size());
    return forest_auc(TwoSamples(points.topRows(num_real), points.bottomRows(points.rows() - num_real),
                                 folds.real, folds.other),
                      num_trees, folds.forest_seed);
}

/// W2 of all test cells against cells drawn to the training frequencies, in the PCA of the test cells.
void score_published(const FigureData& data, const Points& drawn, const EvaluateOptions& options,
                     SideFigures& side) {
    const HalvingPlan& plan = data.plan;
    const Points test = select_points(data.test.test_space, plan.published_test);
    if (drawn.rows() == 0 || test.rows() < options.min_type_cells) return;
    side.figures[figure_index("published_pooled_w2")] = wasserstein2(test, drawn);
    if (!data.use_labels) return;
    double sum = 0;
    int scored = 0;
    for (std::size_t c = 0; c < plan.types.size(); ++c) {
        const std::int64_t num_test = plan.published_test_offsets[c + 1] - plan.published_test_offsets[c];
        const std::int64_t num_drawn = plan.published_offsets[c + 1] - plan.published_offsets[c];
        if (num_test < options.min_type_cells || num_drawn == 0) continue;
        sum += wasserstein2(test.middleRows(plan.published_test_offsets[c], num_test),
                            drawn.middleRows(plan.published_offsets[c], num_drawn));
        ++scored;
    }
    if (scored > 0) side.figures[figure_index("published_conditional_w2")] = sum / scored;
}

/// How the two samples lie in each other, without a classifier.
void score_mixing(const Points& real, const Points& other, SideFigures& side) {
    std::vector<std::int32_t> sample(static_cast<std::size_t>(real.rows()), 0);
    sample.resize(sample.size() + static_cast<std::size_t>(other.rows()), 1);
    side.figures[figure_index("pooled_lisi")] = mean_of(local_inverse_simpson(stack(real, other), sample));
    const ManifoldOverlap found = manifold_overlap(real, other, kNeighbours);
    side.figures[figure_index("coverage")] = found.coverage;
    side.figures[figure_index("density")] = found.density;
}

/// How labels sit in the cells of the other side.
void score_labels(const Comparison& pair, const Points& other, SideFigures& side) {
    const std::vector<std::int32_t> labels = chosen_values(pair.other_cells.labels, pair.other);
    const LabelAgreement agreement =
        label_agreement(labels, chosen_values(pair.other_cells.predicted_labels, pair.other));
    side.figures[figure_index("label_accuracy")] = agreement.accuracy;
    side.figures[figure_index("label_macro_f1")] = agreement.macro_f1;
    side.figures[figure_index("label_silhouette")] = cosine_silhouette(other, labels);
    side.figures[figure_index("label_lisi")] = mean_of(local_inverse_simpson(other, labels));
}

/// sum p log(p / q) of the predicted types of half A (p) and of the other side (q), a half added to each
/// count so that an absent type does not make it infinite.
double class_divergence(const std::vector<std::int32_t>& real, const std::vector<std::int32_t>& other) {
    std::map<std::int32_t, std::pair<double, double>> counts;
    for (const std::int32_t label : real) counts[label].first += 1;
    for (const std::int32_t label : other) counts[label].second += 1;
    const double added = static_cast<double>(counts.size()) / 2;
    double sum = 0;
    for (const auto& [label, count] : counts) {
        const double p = (count.first + 0.5) / (static_cast<double>(real.size()) + added);
        const double q = (count.second + 0.5) / (static_cast<double>(other.size()) + added);
        sum += p * std::log(p / q);
    }
    return sum;
}

/// The figures of points type by type, and their means.
void score_types(const Points& real, const Points& other, const FigureData& data,
                 const EvaluateOptions& options, const PlacedRandom& random, std::int64_t halving,
                 SideFigures& side) {
    constexpr std::array kConditional{figure_index("conditional_rf_auc"), figure_index("conditional_knn_auc"),
                                      figure_index("conditional_w2"), figure_index("conditional_mmd2_median"),
                                      figure_index("conditional_mmd2_published")};
    const std::uint32_t fold_step = evaluation_step(EvaluationDraw::kFolds, halving);
    const std::uint32_t forest_step = evaluation_step(EvaluationDraw::kForest, halving);
    std::array<double, kNumTypeFigures> sums{};
    double centroids = 0;
    int scored = 0;
    for (std::size_t c = 0; c < data.plan.types.size(); ++c) {
        const std::int64_t begin = data.plan.half_offsets[c], count = data.plan.cells_in_half(c);
        if (count < options.min_type_cells) continue;
        // Folds of a type's own cells, so that each fold holds as many of either class.
        const auto type_item = static_cast<std::uint64_t>(2 * real.rows() + 2 * begin);
        const Points of_real = real.middleRows(begin, count), of_other = other.middleRows(begin, count);
        side.types[c] = score_points(
            of_real, of_other,
            {random_folds(count, kFolds, random, fold_step, type_item),
             random_folds(count, kFolds, random, fold_step, type_item + static_cast<std::uint64_t>(count)),
             random.words(c + 1, forest_step)[0]},
            options.trees);
        for (std::size_t f = 0; f < kNumTypeFigures; ++f) sums[f] += side.types[c][f];
        centroids += (of_real.colwise().mean() - of_other.colwise().mean()).norm();
        ++scored;
    }
    if (scored == 0) return;
    for (std::size_t f = 0; f < kNumTypeFigures; ++f) side.figures[kConditional[f]] = sums[f] / scored;
    side.figures[figure_index("centroid_distance")] = centroids / scored;
}

/// Of the other cells' median over the real cells'; NaN where it is not known.
double ratio_of_medians(const Comparison& pair, std::vector<double> SampleData::*distance) {
    const std::vector<double>&real = pair.real_cells.*distance, &other = pair.other_cells.*distance;
    if (real.empty() || other.empty()) return kNan;
    const double of_real = median_of(chosen_values(real, pair.real));
    return of_real > 0 ? median_of(chosen_values(other, pair.other)) / of_real : kNan;
}

}  // namespace

SideFigures score_halving(const FigureData& data, std::int64_t halving, bool floor,
                          const EvaluateOptions& options, std::uint64_t seed) {
    const HalvingPlan& plan = data.plan;
    const Halving& cells = plan.halvings[static_cast<std::size_t>(halving)];
    SideFigures side;
    side.figures.fill(kNan);
    side.types.resize(plan.types.size());
    for (auto& type : side.types) type.fill(kNan);

    score_published(data,
                    floor ? select_points(data.training.test_space, cells.published_training)
                          : select_points(data.generated.test_space, cells.published_generated),
                    options, side);
    const auto num_cells = static_cast<std::int64_t>(cells.real.size());
    if (num_cells < options.min_type_cells) return side;

    const PlacedRandom random(seed, RandomStream::kEvaluate);
    const std::uint32_t fold_step = evaluation_step(EvaluationDraw::kFolds, halving);
    const Folds folds{
        random_folds(num_cells, kFolds, random, fold_step),
        random_folds(num_cells, kFolds, random, fold_step, static_cast<std::uint64_t>(num_cells)),
        random.words(0, evaluation_step(EvaluationDraw::kForest, halving))[0]};
    const Comparison pair{data.test, floor ? data.test : data.generated, cells.real,
                          floor ? cells.floor : cells.generated};
    const Points real = select_points(pair.real_cells.train_space, pair.real);
    const Points other = select_points(pair.other_cells.train_space, pair.other);
    constexpr std::array kPooled{figure_index("pooled_rf_auc"), figure_index("pooled_knn_auc"),
                                 figure_index("pooled_w2"), figure_index("pooled_mmd2_median"),
                                 figure_index("pooled_mmd2_published")};
    const auto pooled = score_points(real, other, folds, options.trees);
    for (std::size_t f = 0; f < kNumTypeFigures; ++f) side.figures[kPooled[f]] = pooled[f];
    side.figures[figure_index("joint_rf_auc")] = joint_forest_auc(pair, folds, options.trees, seed);
    score_mixing(real, other, side);
    score_genes(pair, side);
    score_membership(pair, data, cells.published_training, floor, options, seed, side);
    side.figures[figure_index("nearest_training_ratio")] =
        ratio_of_medians(pair, &SampleData::nearest_training_distance);
    side.figures[figure_index("latent_training_ratio")] =
        ratio_of_medians(pair, &SampleData::latent_distance);
    if (data.unconditional && data.has_training_labels)
        side.figures[figure_index("class_kl")] =
            class_divergence(chosen_values(pair.real_cells.predicted_labels, pair.real),
                             chosen_values(pair.other_cells.predicted_labels, pair.other));
    if (!data.use_labels) return side;
    score_labels(pair, other, side);
    score_types(real, other, data, options, random, halving, side);
    score_markers(pair, plan, options.min_type_cells, side);
    score_use(data, cells, floor, side);
    return side;
}

}  // namespace lapatlas
