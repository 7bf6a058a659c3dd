// Figures of what the cells are good for, and of what they give away.
#include <algorithm>
#include <cmath>

#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/comparison.hpp"
#include "src/evaluate/label_classifier.hpp"
#include "src/evaluate/nearest_cells.hpp"
#include "src/evaluate/separability.hpp"
#include "src/preprocess/pca.hpp"

namespace lapatlas {
namespace {

/// A sample to train a classifier on: its labelled cells.
struct Lesson {
    Points cells;
    std::vector<std::int32_t> labels;
};

Lesson lesson(const Points& points, const std::vector<std::int32_t>& labels,
              const std::vector<std::int64_t>& rows) {
    std::vector<std::int64_t> labelled;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(labelled),
                 [&](std::int64_t row) { return labels[static_cast<std::size_t>(row)] >= 0; });
    return {select_points(points, labelled), chosen_values(labels, labelled)};
}

}  // namespace

std::vector<double> distances_to(const CountMatrix& others, const std::vector<const CountMatrix*>& cells,
                                 std::int64_t components, std::uint64_t seed) {
    const PcaResult space = pca(Communicator::self(), others,
                                {.components = components, .seed = seed, .tolerance = kSpanTolerance});
    const Eigen::Map<const Points> references(space.scores.data(), others.num_rows(),
                                              space.pca.num_components);
    std::vector<double> distances;
    for (const CountMatrix* expression : cells) {
        const Points points = project_points(*expression, space.pca);
        for (Eigen::Index row = 0; row < points.rows(); ++row)
            distances.push_back(
                std::sqrt(nearest_cells(references, points.row(row), 1).front().squared_distance));
    }
    return distances;
}

void score_membership(const Comparison& pair, const FigureData& data,
                      const std::vector<std::int64_t>& drawn_training, bool floor,
                      const EvaluateOptions& options, std::uint64_t seed, SideFigures& side) {
    if (pair.other.size() < 2 || drawn_training.empty() || pair.real.empty()) return;
    std::vector<double> nearness;
    if (floor) {
        const CountMatrix members = take_rows(data.training.expression, drawn_training);
        const CountMatrix strangers = take_rows(pair.real_cells.expression, pair.real);
        nearness = distances_to(take_rows(pair.other_cells.expression, pair.other), {&members, &strangers},
                                options.pca_components, seed);
    } else {
        nearness = chosen_values(data.to_generated.training, drawn_training);
        const std::vector<double> strangers = chosen_values(data.to_generated.test, pair.real);
        nearness.insert(nearness.end(), strangers.begin(), strangers.end());
    }
    for (double& distance : nearness) distance = -distance;
    std::vector<int> is_member(drawn_training.size(), 1);
    is_member.resize(nearness.size(), 0);
    side.figures[figure_index("membership_auc")] = area_under_curve(nearness, is_member);
}

void score_use(const FigureData& data, const Halving& cells, bool floor, SideFigures& side) {
    const HalvingPlan& plan = data.plan;
    const Lesson real = lesson(data.training.train_space, data.training.labels, cells.published_training);
    const Lesson made = lesson(data.generated.train_space, data.generated.labels, cells.published_generated);
    const Lesson test = lesson(data.test.train_space, data.test.labels, plan.published_test);
    const Lesson& learned = floor ? real : made;
    if (learned.labels.empty() || test.labels.empty()) return;
    std::vector<std::int32_t> predicted = LabelClassifier(learned.cells, learned.labels).predict(test.cells);
    side.figures[figure_index("trained_on_accuracy")] = balanced_accuracy(test.labels, predicted);

    if (plan.rare_types.empty() || real.labels.empty()) return;
    // The floor is the classifier of real cells alone, which has just answered.
    if (!floor) {
        Lesson both = real;
        const Lesson rare = lesson(data.generated.train_space, data.generated.labels, cells.rare_generated);
        both.cells = stack(both.cells, rare.cells);
        both.labels.insert(both.labels.end(), rare.labels.begin(), rare.labels.end());
        predicted = LabelClassifier(both.cells, both.labels).predict(test.cells);
    }
    std::vector<std::int32_t> truth_of_rare, said_of_rare;
    for (std::size_t i = 0; i < predicted.size(); ++i)
        if (std::find(plan.rare_types.begin(), plan.rare_types.end(), test.labels[i]) !=
            plan.rare_types.end()) {
            truth_of_rare.push_back(test.labels[i]);
            said_of_rare.push_back(predicted[i]);
        }
    side.figures[figure_index("rare_type_recall")] = balanced_accuracy(truth_of_rare, said_of_rare);
}

}  // namespace lapatlas
