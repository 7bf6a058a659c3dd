#include "src/evaluate/halving_figures.hpp"

#include <algorithm>
#include <limits>

#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/label_agreement.hpp"
#include "src/evaluate/mmd.hpp"
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

/// One side of a halving: half A and what is scored against it, both by type.
struct Comparison {
    const SampleData& real_cells;
    const SampleData& other_cells;
    const std::vector<std::int64_t>& real;
    const std::vector<std::int64_t>& other;
    std::vector<int> real_folds, other_folds;
    std::uint32_t forest_seed;
};

double median_of(const std::vector<double>& values, const std::vector<std::int64_t>& rows) {
    std::vector<double> chosen;
    for (const std::int64_t row : rows) chosen.push_back(values[static_cast<std::size_t>(row)]);
    std::sort(chosen.begin(), chosen.end());
    const std::size_t n = chosen.size();
    return n % 2 == 1 ? chosen[n / 2] : (chosen[n / 2 - 1] + chosen[n / 2]) / 2;
}

template <class T>
std::vector<T> chosen(const std::vector<T>& values, const std::vector<std::int64_t>& rows) {
    std::vector<T> result;
    for (const std::int64_t row : rows) result.push_back(values[static_cast<std::size_t>(row)]);
    return result;
}

/// kTypeFigureNames of two samples of one size.
std::array<double, kNumTypeFigures> score_points(const Points& real, const Points& other,
                                                 const std::vector<int>& real_folds,
                                                 const std::vector<int>& other_folds, std::int64_t num_trees,
                                                 std::uint32_t forest_seed) {
    const TwoSamples samples(real, other, real_folds, other_folds);
    return {forest_auc(samples, num_trees, forest_seed), knn_auc(samples, kNeighbours),
            wasserstein2(real, other), mmd2_median(real, other), mmd2_published(real, other)};
}

void score_genes(const Comparison& pair, SideFigures& side) {
    const GeneStatistics real = gene_statistics(take_rows(pair.real_cells.expression, pair.real));
    const GeneStatistics other = gene_statistics(take_rows(pair.other_cells.expression, pair.other));
    side.figures[figure_index("gene_mean_pcc")] = pearson(real.mean, other.mean);
    side.figures[figure_index("gene_mean_scc")] = spearman(real.mean, other.mean);
    side.figures[figure_index("gene_variance_pcc")] = pearson(real.variance, other.variance);
    side.figures[figure_index("zero_fraction_pcc")] = pearson(real.zero_fraction, other.zero_fraction);
    side.figures[figure_index("zero_fraction_mad")] =
        mean_absolute_difference(real.zero_fraction, other.zero_fraction);
    side.figures[figure_index("library_ks")] = kolmogorov_smirnov(
        chosen(pair.real_cells.library, pair.real), chosen(pair.other_cells.library, pair.other));
}

/// In the principal components of the two samples pooled.
double joint_forest_auc(const Comparison& pair, std::int64_t num_trees, std::uint64_t seed) {
    constexpr double kTolerance = 1e-2;  // the span of the components decides, not their last digits
    const CountMatrix pooled = stack_rows(take_rows(pair.real_cells.expression, pair.real),
                                          take_rows(pair.other_cells.expression, pair.other));
    const PcaResult joint = pca(Communicator::self(), pooled,
                                {.components = kJointComponents, .seed = seed, .tolerance = kTolerance});
    const Eigen::Map<const Points> points(joint.scores.data(), pooled.num_rows(), joint.pca.num_components);
    const auto num_real = static_cast<Eigen::Index>(pair.real.size());
    return forest_auc(TwoSamples(points.topRows(num_real), points.bottomRows(points.rows() - num_real),
                                 pair.real_folds, pair.other_folds),
                      num_trees, pair.forest_seed);
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
                    floor ? select_points(data.training_test_space, cells.published_training)
                          : select_points(data.generated.test_space, cells.published_generated),
                    options, side);
    const auto num_cells = static_cast<std::int64_t>(cells.real.size());
    if (num_cells < options.min_type_cells) return side;

    const PlacedRandom random(seed, RandomStream::kEvaluate);
    const std::uint32_t fold_step = evaluation_step(EvaluationDraw::kFolds, halving);
    const std::uint32_t forest_step = evaluation_step(EvaluationDraw::kForest, halving);
    const Comparison pair{
        data.test,
        floor ? data.test : data.generated,
        cells.real,
        floor ? cells.floor : cells.generated,
        random_folds(num_cells, kFolds, random, fold_step),
        random_folds(num_cells, kFolds, random, fold_step, static_cast<std::uint64_t>(num_cells)),
        random.words(0, forest_step)[0]};
    const Points real = select_points(pair.real_cells.train_space, pair.real);
    const Points other = select_points(pair.other_cells.train_space, pair.other);
    const auto pooled =
        score_points(real, other, pair.real_folds, pair.other_folds, options.trees, pair.forest_seed);
    constexpr std::array kPooled{figure_index("pooled_rf_auc"), figure_index("pooled_knn_auc"),
                                 figure_index("pooled_w2"), figure_index("pooled_mmd2_median"),
                                 figure_index("pooled_mmd2_published")};
    constexpr std::array kConditional{figure_index("conditional_rf_auc"), figure_index("conditional_knn_auc"),
                                      figure_index("conditional_w2"), figure_index("conditional_mmd2_median"),
                                      figure_index("conditional_mmd2_published")};
    for (std::size_t f = 0; f < kNumTypeFigures; ++f) side.figures[kPooled[f]] = pooled[f];
    side.figures[figure_index("joint_rf_auc")] = joint_forest_auc(pair, options.trees, seed);
    score_genes(pair, side);
    const double real_distance = median_of(pair.real_cells.nearest_training_distance, pair.real);
    if (real_distance > 0)
        side.figures[figure_index("nearest_training_ratio")] =
            median_of(pair.other_cells.nearest_training_distance, pair.other) / real_distance;
    if (!data.use_labels) return side;

    const LabelAgreement agreement = label_agreement(chosen(pair.other_cells.labels, pair.other),
                                                     chosen(pair.other_cells.predicted_labels, pair.other));
    side.figures[figure_index("label_accuracy")] = agreement.accuracy;
    side.figures[figure_index("label_macro_f1")] = agreement.macro_f1;
    std::array<double, kNumTypeFigures> sums{};
    int scored = 0;
    for (std::size_t c = 0; c < plan.types.size(); ++c) {
        const std::int64_t begin = plan.half_offsets[c], count = plan.cells_in_half(c);
        if (count < options.min_type_cells) continue;
        // Folds of a type's own cells, so that each fold holds as many of either class.
        const auto type_item = static_cast<std::uint64_t>(2 * num_cells + 2 * begin);
        side.types[c] = score_points(
            real.middleRows(begin, count), other.middleRows(begin, count),
            random_folds(count, kFolds, random, fold_step, type_item),
            random_folds(count, kFolds, random, fold_step, type_item + static_cast<std::uint64_t>(count)),
            options.trees, random.words(c + 1, forest_step)[0]);
        for (std::size_t f = 0; f < kNumTypeFigures; ++f) sums[f] += side.types[c][f];
        ++scored;
    }
    if (scored > 0)
        for (std::size_t f = 0; f < kNumTypeFigures; ++f) side.figures[kConditional[f]] = sums[f] / scored;
    return side;
}

}  // namespace lapatlas
