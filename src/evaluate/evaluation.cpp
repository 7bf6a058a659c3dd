#include "src/evaluate/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/halving_figures.hpp"
#include "src/evaluate/label_agreement.hpp"
#include "src/evaluate/nearest_cells.hpp"
#include "src/preprocess/normalise.hpp"

namespace lapatlas {
namespace {

/// Training cells that vote on the label of a cell.
constexpr std::int64_t kVoters = 15;

/// What rank 0 makes of the input and every rank needs.
struct Prepared {
    FigureData data;
    Points training;                            // [num_train, pca_components], in train-PCA
    std::vector<std::int32_t> training_labels;  // [num_train]
};

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

/// Labels with one entry a cell: none given means none labelled.
std::vector<std::int32_t> full_labels(std::vector<std::int32_t> labels, const CountMatrix& cells,
                                      std::size_t num_names, const char* sample) {
    if (labels.empty()) labels.assign(static_cast<std::size_t>(cells.num_rows()), -1);
    ensure(static_cast<std::int64_t>(labels.size()) == cells.num_rows(), "one label a cell");
    for (const std::int32_t label : labels)
        if (label >= static_cast<std::int64_t>(num_names))
            throw InputError(std::string("a ") + sample + " cell has label " + std::to_string(label) +
                             " of only " + std::to_string(num_names));
    return labels;
}

void check_samples(const EvaluationInput& input) {
    const auto check = [&](const CountMatrix& cells, const char* sample, std::int64_t least) {
        if (cells.num_rows() < least)
            throw InputError("evaluation needs at least " + std::to_string(least) + " " + sample +
                             " cells, there are " + std::to_string(cells.num_rows()));
        if (cells.num_genes != input.train.num_genes)
            throw InputError("the " + std::string(sample) + " cells have " + std::to_string(cells.num_genes) +
                             " genes and the training cells " + std::to_string(input.train.num_genes) +
                             "; evaluate an atlas of the same prepared data");
    };
    check(input.train, "training", 2);
    check(input.test, "test", 2);
    check(input.generated, "generated", 1);
}

bool any_label(const std::vector<std::int32_t>& labels) {
    return std::any_of(labels.begin(), labels.end(), [](std::int32_t label) { return label >= 0; });
}

/// Renumbers the rows in `lists` to their places among the rows used; returns those rows, ascending.
std::vector<std::int64_t> compact(const std::vector<std::vector<std::int64_t>*>& lists) {
    std::vector<std::int64_t> used;
    for (const auto* list : lists) used.insert(used.end(), list->begin(), list->end());
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    for (auto* list : lists)
        for (std::int64_t& row : *list) row = std::lower_bound(used.begin(), used.end(), row) - used.begin();
    return used;
}

SampleData sample_data(const CountMatrix& counts, const std::vector<std::int32_t>& labels,
                       const std::vector<std::int64_t>& rows, const Pca& train_pca, const Pca& test_pca,
                       double target_sum) {
    const CountMatrix chosen = take_rows(counts, rows);
    SampleData sample;
    sample.library = library_sizes(chosen);
    sample.expression = log_normalise(chosen, target_sum);
    sample.train_space = project_points(sample.expression, train_pca);
    sample.test_space = project_points(sample.expression, test_pca);
    for (const std::int64_t row : rows) sample.labels.push_back(labels[static_cast<std::size_t>(row)]);
    return sample;
}

Prepared prepare(const EvaluationInput& input, const EvaluateOptions& options, std::uint64_t seed,
                 EvaluationResult& result) {
    check_samples(input);
    const std::size_t num_names = input.label_names.size();
    const auto test_labels = full_labels(input.test_labels, input.test, num_names, "test");
    const auto generated_labels =
        full_labels(input.generated_labels, input.generated, num_names, "generated");
    Prepared prepared;
    prepared.training_labels = full_labels(input.train_labels, input.train, num_names, "training");
    FigureData& data = prepared.data;
    const bool real_labels = any_label(test_labels) && any_label(prepared.training_labels);
    data.use_labels = !input.unconditional && real_labels && any_label(generated_labels);
    if (!input.unconditional && real_labels && !data.use_labels)
        result.warnings.push_back("the generated cells carry no labels; all cells are compared as one type");
    data.plan = plan_halvings(prepared.training_labels, test_labels, generated_labels, input.label_names,
                              data.use_labels, options, seed);
    HalvingPlan& plan = data.plan;
    result.warnings.insert(result.warnings.end(), plan.warnings.begin(), plan.warnings.end());

    const PcaOptions pca_options{.components = options.pca_components, .seed = seed};
    PcaResult train = pca(Communicator::self(), log_normalise(input.train, input.target_sum), pca_options);
    prepared.training =
        Eigen::Map<const Points>(train.scores.data(), input.train.num_rows(), train.pca.num_components);
    const CountMatrix published_test = take_rows(input.test, plan.published_test);
    if (published_test.num_rows() < 2)
        throw InputError("fewer than two test cells carry a label; evaluation cannot compare types");
    const Pca test_pca =
        pca(Communicator::self(), log_normalise(published_test, input.target_sum), pca_options).pca;

    std::vector<std::vector<std::int64_t>*> of_test{&plan.published_test}, of_generated, of_training;
    for (Halving& halving : plan.halvings) {
        of_test.push_back(&halving.real);
        of_test.push_back(&halving.floor);
        of_generated.push_back(&halving.generated);
        of_generated.push_back(&halving.published_generated);
        of_training.push_back(&halving.published_training);
    }
    data.test = sample_data(input.test, test_labels, compact(of_test), train.pca, test_pca, input.target_sum);
    data.generated = sample_data(input.generated, generated_labels, compact(of_generated), train.pca,
                                 test_pca, input.target_sum);
    data.training_test_space = project_points(
        log_normalise(take_rows(input.train, compact(of_training)), input.target_sum), test_pca);

    result.train_cells = input.train.num_rows();
    result.test_cells = input.test.num_rows();
    result.generated_cells = input.generated.num_rows();
    result.genes = input.train.num_genes;
    std::map<std::int32_t, std::int64_t> test_cells;
    for (const std::int32_t label : test_labels) ++test_cells[label];
    if (data.use_labels && test_cells[-1] > 0)
        result.warnings.push_back(std::to_string(test_cells[-1]) +
                                  " test cells without a label are not compared");
    if (data.use_labels)
        for (std::size_t c = 0; c < plan.types.size(); ++c)
            result.types.push_back({input.label_names[static_cast<std::size_t>(plan.types[c])],
                                    test_cells[plan.types[c]],
                                    plan.cells_in_half(c),
                                    false,
                                    {}});
    return prepared;
}

EvaluationPictures pictures(const FigureData& data, const std::vector<std::string>& label_names) {
    EvaluationPictures result;
    result.label_names = label_names;
    const auto fill = [](const SampleData& sample, const std::vector<std::int64_t>& rows,
                         std::vector<double>& x, std::vector<double>& y, std::vector<std::int32_t>& labels,
                         std::vector<double>& mean, std::vector<double>& zero_fraction) {
        for (const std::int64_t row : rows) {
            x.push_back(sample.train_space.cols() > 0 ? sample.train_space(row, 0) : 0);
            y.push_back(sample.train_space.cols() > 1 ? sample.train_space(row, 1) : 0);
            labels.push_back(sample.labels[static_cast<std::size_t>(row)]);
        }
        GeneStatistics genes = gene_statistics(take_rows(sample.expression, rows));
        mean = std::move(genes.mean);
        zero_fraction = std::move(genes.zero_fraction);
    };
    fill(data.test, data.plan.published_test, result.test_x, result.test_y, result.test_labels,
         result.test_mean, result.test_zero_fraction);
    fill(data.generated, data.plan.halvings.front().published_generated, result.generated_x,
         result.generated_y, result.generated_labels, result.generated_mean, result.generated_zero_fraction);
    return result;
}

// Collective: rank 0's everywhere.
void share(const Communicator& comm, Points& points) {
    std::vector<std::int64_t> shape{points.rows(), points.cols()};
    broadcast(comm, shape);
    points.resize(shape[0], shape[1]);
    broadcast(comm, std::span<double>(points.data(), static_cast<std::size_t>(points.size())));
}
void share(const Communicator& comm, CountMatrix& matrix) {
    broadcast(comm, std::span<std::int64_t>(&matrix.num_genes, 1));
    broadcast(comm, matrix.row_offsets);
    broadcast(comm, matrix.gene_indices);
    broadcast(comm, matrix.values);
}
void share(const Communicator& comm, SampleData& sample) {
    share(comm, sample.train_space);
    share(comm, sample.test_space);
    share(comm, sample.expression);
    broadcast(comm, sample.library);
    broadcast(comm, sample.labels);
}
void share(const Communicator& comm, HalvingPlan& plan, std::int64_t num_halvings) {
    broadcast(comm, plan.types);
    broadcast(comm, plan.half_offsets);
    broadcast(comm, plan.published_offsets);
    broadcast(comm, plan.published_test);
    broadcast(comm, plan.published_test_offsets);
    plan.halvings.resize(static_cast<std::size_t>(num_halvings));
    for (Halving& halving : plan.halvings)
        for (auto* rows : {&halving.real, &halving.floor, &halving.generated, &halving.published_generated,
                           &halving.published_training})
            broadcast(comm, *rows);
}
void share(const Communicator& comm, Prepared& prepared, std::int64_t num_halvings) {
    std::int32_t use_labels = prepared.data.use_labels ? 1 : 0;
    broadcast(comm, std::span<std::int32_t>(&use_labels, 1));
    prepared.data.use_labels = use_labels != 0;
    share(comm, prepared.data.plan, num_halvings);
    share(comm, prepared.data.test);
    share(comm, prepared.data.generated);
    share(comm, prepared.data.training_test_space);
    share(comm, prepared.training);
    broadcast(comm, prepared.training_labels);
}
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
void find_training_neighbours(const Communicator& comm, const Prepared& prepared, SampleData& sample) {
    const BlockRange mine = block_of_rank(sample.train_space.rows(), comm.size(), comm.rank());
    std::vector<double> distances(static_cast<std::size_t>(mine.size()));
    std::vector<std::int32_t> votes(distances.size());
    agreed(comm, [&] {
        std::vector<std::int64_t> labelled;
        std::vector<std::int32_t> voters;
        for (std::size_t row = 0; row < prepared.training_labels.size(); ++row)
            if (prepared.training_labels[row] >= 0) {
                labelled.push_back(static_cast<std::int64_t>(row));
                voters.push_back(prepared.training_labels[row]);
            }
        const Points labelled_points = select_points(prepared.training, labelled);
#pragma omp parallel for schedule(static)
        for (std::int64_t row = mine.begin; row < mine.end; ++row) {
            const auto at = static_cast<std::size_t>(row - mine.begin);
            const auto query = sample.train_space.row(row);
            distances[at] = std::sqrt(nearest_cells(prepared.training, query, 1).front().squared_distance);
            votes[at] = vote_label(nearest_cells(labelled_points, query, kVoters), voters);
        }
    });
    sample.nearest_training_distance = all_gather_v<double>(comm, distances);
    sample.predicted_labels = all_gather_v<std::int32_t>(comm, votes);
}

/// Over the repeats where the figure exists.
Spread spread(const std::vector<double>& values) {
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
        return {name.key, name.title, name.space, spread(sides[0]), spread(sides[1])};
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
    Prepared prepared = agreed(comm, [&] {
        Prepared mine;
        if (comm.is_root()) {
            mine = prepare(input, options, seed, result);
            result.pictures = pictures(mine.data, input.label_names);
        }
        return mine;
    });
    share(comm, prepared, options.halvings);
    share(comm, result);
    find_training_neighbours(comm, prepared, prepared.data.test);
    find_training_neighbours(comm, prepared, prepared.data.generated);

    // Work item 2 h is the generated side of halving h, 2 h + 1 its floor.
    ScoreTable scores(options.halvings, prepared.data.plan.types.size());
    agreed(comm, [&] {
        const std::int64_t items = 2 * options.halvings;
        Log::Progress progress(log, "comparing", "comparisons", items);
        for (std::int64_t item = comm.rank(); item < items; item += comm.size()) {
            scores.set(item, score_halving(prepared.data, item / 2, item % 2 == 1, options, seed));
            progress.update(std::min<std::int64_t>(item + comm.size(), items));
        }
    });
    scores.gather(comm);
    summarise(scores, prepared.data.plan, options, result);
    for (const std::string& warning : result.warnings) log.warning(warning);
    return result;
}

}  // namespace lapatlas
