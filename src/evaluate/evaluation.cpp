#include "src/evaluate/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/evaluate/evaluation_data.hpp"
#include "src/evaluate/evaluation_pictures.hpp"
#include "src/evaluate/halving_figures.hpp"
#include "src/evaluate/label_agreement.hpp"
#include "src/evaluate/nearest_cells.hpp"

namespace lapatlas {
namespace {

/// Training cells that vote on the label of a cell.
constexpr std::int64_t kVoters = 15;

void check_options(const EvaluateOptions& options) {
    const auto at_least = [](std::int64_t value, std::int64_t least, const char* key) {
        if (value < least)
            throw ConfigError(std::string("evaluate.") + key + " is " + std::to_string(value) +
                              "; it must be at least " + std::to_string(least));
    };
    at_least(options.halvings, 1, "halvings");
    at_least(options.pca_components, 1, "pca_components");
    at_least(options.trees, 1, "trees");
    at_least(options.min_type_cells, 5, "min_type_cells");  // five folds
    at_least(options.max_cells, options.min_type_cells, "max_cells");
}

/// Collective. Rank 0's sizes, types and warnings everywhere.
void share(const Communicator& comm, EvaluationResult& result) {
    std::vector<std::int64_t> sizes{result.train_cells, result.test_cells, result.generated_cells,
                                    result.genes};
    std::vector<std::string> names;
    for (const TypeFigures& type : result.types) {
        names.push_back(type.name);
        sizes.insert(sizes.end(), {type.test_cells, type.cells_a_side});
    }
    broadcast(comm, sizes);
    broadcast(comm, names);
    broadcast(comm, result.warnings);
    result.train_cells = sizes[0];
    result.test_cells = sizes[1];
    result.generated_cells = sizes[2];
    result.genes = sizes[3];
    result.types.resize(names.size());
    for (std::size_t c = 0; c < names.size(); ++c) {
        result.types[c].name = names[c];
        result.types[c].test_cells = sizes[4 + 2 * c];
        result.types[c].cells_a_side = sizes[5 + 2 * c];
    }
}

/// Collective. For each cell of `sample` its distance to the nearest training cell and the vote of its
/// nearest labelled ones; each rank looks for the neighbours of its block of cells.
void find_training_neighbours(const Communicator& comm, const EvaluationData& data, SampleData& sample) {
    const BlockRange mine = block_of_rank(sample.train_space.rows(), comm.size(), comm.rank());
    std::vector<double> distances(static_cast<std::size_t>(mine.size()));
    std::vector<std::int32_t> votes(distances.size());
    agreed(comm, [&] {
        std::vector<std::int64_t> labelled;
        std::vector<std::int32_t> voters;
        for (std::size_t row = 0; row < data.training_labels.size(); ++row)
            if (data.training_labels[row] >= 0) {
                labelled.push_back(static_cast<std::int64_t>(row));
                voters.push_back(data.training_labels[row]);
            }
        const Points labelled_points = select_points(data.training, labelled);
#pragma omp parallel for schedule(static)
        for (std::int64_t row = mine.begin; row < mine.end; ++row) {
            const auto at = static_cast<std::size_t>(row - mine.begin);
            const auto query = sample.train_space.row(row);
            distances[at] = std::sqrt(nearest_cells(data.training, query, 1).front().squared_distance);
            votes[at] = vote_label(nearest_cells(labelled_points, query, kVoters), voters);
        }
    });
    sample.nearest_training_distance = all_gather_v<double>(comm, distances);
    sample.predicted_labels = all_gather_v<std::int32_t>(comm, votes);
}

/// All numbers of all repeats: [repeat, side (generated, floor), figure], the types' figures behind the
/// common ones.
class ScoreTable {
  public:
    ScoreTable(std::int64_t num_halvings, std::size_t num_types)
        : width_(kNumFigures + num_types * kNumTypeFigures),
          values_(static_cast<std::size_t>(num_halvings) * 2 * width_, 0.0) {}

    void set(std::int64_t item, const SideFigures& side) {
        auto* at = values_.data() + static_cast<std::size_t>(item) * width_;
        at = std::copy(side.figures.begin(), side.figures.end(), at);
        for (const auto& type : side.types) at = std::copy(type.begin(), type.end(), at);
    }
    /// Collective. Every number was set on one rank and is zero elsewhere, so the sum is exact.
    void gather(const Communicator& comm) { all_reduce_sum(comm, std::span<double>(values_)); }

    Figure figure(const FigureName& name, std::size_t column) const {
        std::vector<double> sides[2];
        for (std::size_t item = 0; item * width_ < values_.size(); ++item)
            sides[item % 2].push_back(values_[item * width_ + column]);
        return {name.key, name.title, name.space, spread_of(sides[0]), spread_of(sides[1])};
    }

  private:
    std::size_t width_;
    std::vector<double> values_;
};

void summarise(const ScoreTable& scores, const HalvingPlan& plan, const EvaluateOptions& options,
               EvaluationResult& result) {
    result.halvings = options.halvings;
    result.min_type_cells = options.min_type_cells;
    result.cells_a_side = plan.half_offsets.back();
    for (std::size_t f = 0; f < kNumFigures; ++f) result.figures.push_back(scores.figure(kFigureNames[f], f));
    std::string unscored;
    for (std::size_t c = 0; c < result.types.size(); ++c) {
        TypeFigures& type = result.types[c];
        type.scored = type.cells_a_side >= options.min_type_cells;
        if (!type.scored)
            unscored += (unscored.empty() ? "" : ", ") + type.name;
        else
            for (std::size_t f = 0; f < kNumTypeFigures; ++f)
                type.figures.push_back(
                    scores.figure(kTypeFigureNames[f], kNumFigures + c * kNumTypeFigures + f));
    }
    const std::string least = std::to_string(options.min_type_cells);
    if (!unscored.empty())
        result.warnings.push_back("types with fewer than " + least +
                                  " cells a side are not scored: " + unscored);
    if (result.cells_a_side < options.min_type_cells)
        result.warnings.push_back("only " + std::to_string(result.cells_a_side) +
                                  " cells a side, fewer than " + least + ": no figure is given");
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
    std::vector<double> known;
    std::copy_if(values.begin(), values.end(), std::back_inserter(known),
                 [](double v) { return std::isfinite(v); });
    Spread result;
    if (known.empty()) return result;
    double sum = 0, squares = 0;
    for (const double value : known) sum += value;
    result.mean = sum / static_cast<double>(known.size());
    for (const double value : known) squares += (value - *result.mean) * (value - *result.mean);
    if (known.size() > 1) result.sd = std::sqrt(squares / static_cast<double>(known.size() - 1));
    return result;
}

const Figure& EvaluationResult::figure(const std::string& key) const {
    for (const Figure& candidate : figures)
        if (candidate.key == key) return candidate;
    throw InternalError("no figure is called '" + key + "'");
}

EvaluationResult evaluate(const Communicator& comm, const EvaluationInput& input,
                          const EvaluateOptions& options, std::uint64_t seed, Log& log) {
    check_options(options);
    log.stage("evaluate");
    EvaluationResult result;
    EvaluationData data = agreed(comm, [&] {
        return comm.is_root() ? prepare_evaluation(input, options, seed, result) : EvaluationData{};
    });
    broadcast(comm, data, options.halvings);
    share(comm, result);
    find_training_neighbours(comm, data, data.figures.test);
    find_training_neighbours(comm, data, data.figures.generated);
    if (comm.is_root()) add_training_distances(data.figures, result.pictures);

    // Work item 2 h is the generated side of halving h, 2 h + 1 its floor.
    ScoreTable scores(options.halvings, data.figures.plan.types.size());
    agreed(comm, [&] {
        const std::int64_t items = 2 * options.halvings;
        Log::Progress progress(log, "comparing", "comparisons", items);
        for (std::int64_t item = comm.rank(); item < items; item += comm.size()) {
            scores.set(item, score_halving(data.figures, item / 2, item % 2 == 1, options, seed));
            progress.update(std::min<std::int64_t>(item + comm.size(), items));
        }
    });
    scores.gather(comm);
    summarise(scores, data.figures.plan, options, result);
    for (const std::string& warning : result.warnings) log.info(warning);
    return result;
}

}  // namespace lapatlas
