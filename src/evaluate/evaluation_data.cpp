#include "src/evaluate/evaluation_data.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <string>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/comparison.hpp"
#include "src/evaluate/evaluation_pictures.hpp"
#include "src/preprocess/normalise.hpp"

namespace lapatlas {
namespace {

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
                       const std::vector<double>& latent_distance, const std::vector<std::int64_t>& rows,
                       const Pca& train_pca, const Pca& test_pca, double target_sum) {
    const CountMatrix chosen = take_rows(counts, rows);
    SampleData sample;
    sample.library = library_sizes(chosen);
    sample.expression = log_normalise(chosen, target_sum);
    sample.train_space = project_points(sample.expression, train_pca);
    sample.test_space = project_points(sample.expression, test_pca);
    sample.labels = chosen_values(labels, rows);
    if (!latent_distance.empty()) sample.latent_distance = chosen_values(latent_distance, rows);
    return sample;
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
    broadcast(comm, sample.latent_distance);
}
void share(const Communicator& comm, HalvingPlan& plan, std::int64_t num_halvings) {
    broadcast(comm, plan.types);
    broadcast(comm, plan.half_offsets);
    broadcast(comm, plan.published_offsets);
    broadcast(comm, plan.published_test);
    broadcast(comm, plan.published_test_offsets);
    broadcast(comm, plan.rare_types);
    plan.halvings.resize(static_cast<std::size_t>(num_halvings));
    for (Halving& halving : plan.halvings)
        for (auto* rows : {&halving.real, &halving.floor, &halving.generated, &halving.published_generated,
                           &halving.published_training, &halving.rare_generated})
            broadcast(comm, *rows);
}

/// The plan before its rows are renumbered, in rows of the files.
EvaluationDraws name_draws(const HalvingPlan& plan, const EvaluationInput& input) {
    const auto named = [](const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& cells) {
        return cells.empty() ? rows : chosen_values(cells, rows);
    };
    EvaluationDraws draws;
    std::vector<std::int64_t> all(static_cast<std::size_t>(input.train.num_rows()));
    std::iota(all.begin(), all.end(), 0);
    draws.train = named(all, input.train_cells);
    draws.published_test = named(plan.published_test, input.test_cells);
    for (const Halving& halving : plan.halvings)
        draws.halvings.push_back({named(halving.real, input.test_cells),
                                  named(halving.floor, input.test_cells),
                                  named(halving.generated, input.generated_cells),
                                  named(halving.published_generated, input.generated_cells),
                                  named(halving.published_training, input.train_cells),
                                  named(halving.rare_generated, input.generated_cells)});
    return draws;
}

}  // namespace

EvaluationData prepare_evaluation(const EvaluationInput& input, const EvaluateOptions& options,
                                  std::uint64_t seed, EvaluationResult& result) {
    check_samples(input);
    const std::size_t num_names = input.label_names.size();
    const auto test_labels = full_labels(input.test_labels, input.test, num_names, "test");
    const auto generated_labels =
        full_labels(input.generated_labels, input.generated, num_names, "generated");
    EvaluationData prepared;
    prepared.training_labels = full_labels(input.train_labels, input.train, num_names, "training");
    FigureData& data = prepared.figures;
    const bool real_labels = any_label(test_labels) && any_label(prepared.training_labels);
    data.unconditional = input.unconditional;
    data.has_training_labels = any_label(prepared.training_labels);
    data.use_labels = !input.unconditional && real_labels && any_label(generated_labels);
    if (!input.unconditional && real_labels && !data.use_labels)
        result.warnings.push_back("the generated cells carry no labels; all cells are compared as one type");
    data.plan = plan_halvings(prepared.training_labels, test_labels, generated_labels, input.label_names,
                              data.use_labels, options, seed);
    HalvingPlan& plan = data.plan;
    result.warnings.insert(result.warnings.end(), plan.warnings.begin(), plan.warnings.end());

    if (options.write_draws) result.draws = name_draws(plan, input);

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
        of_generated.push_back(&halving.rare_generated);
        of_training.push_back(&halving.published_training);
    }
    data.test = sample_data(input.test, test_labels, input.test_latent_distance, compact(of_test), train.pca,
                            test_pca, input.target_sum);
    data.generated = sample_data(input.generated, generated_labels, input.generated_latent_distance,
                                 compact(of_generated), train.pca, test_pca, input.target_sum);
    const std::vector<std::int64_t> drawn = compact(of_training);
    data.training.train_space = select_points(prepared.training, drawn);
    data.training.expression = log_normalise(take_rows(input.train, drawn), input.target_sum);
    data.training.test_space = project_points(data.training.expression, test_pca);
    for (const std::int64_t row : drawn)
        data.training.labels.push_back(prepared.training_labels[static_cast<std::size_t>(row)]);

    // All generated cells that take part look at once: with few, most copies would not be among them.
    if (data.generated.expression.num_rows() > 1) {
        std::vector<double> distances =
            distances_to(data.generated.expression, {&data.test.expression, &data.training.expression},
                         options.pca_components, seed);
        const auto num_test = static_cast<std::ptrdiff_t>(data.test.labels.size());
        data.to_generated.test.assign(distances.begin(), distances.begin() + num_test);
        data.to_generated.training.assign(distances.begin() + num_test, distances.end());
    }

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
    result.pictures = draw_pictures(data, input);
    return prepared;
}

void broadcast(const Communicator& comm, EvaluationData& data, std::int64_t num_halvings) {
    for (bool* flag :
         {&data.figures.use_labels, &data.figures.unconditional, &data.figures.has_training_labels}) {
        std::int32_t set = *flag ? 1 : 0;
        broadcast(comm, std::span<std::int32_t>(&set, 1));
        *flag = set != 0;
    }
    share(comm, data.figures.plan, num_halvings);
    share(comm, data.figures.test);
    share(comm, data.figures.generated);
    share(comm, data.figures.training.train_space);
    share(comm, data.figures.training.test_space);
    share(comm, data.figures.training.expression);
    broadcast(comm, data.figures.training.labels);
    broadcast(comm, data.figures.to_generated.test);
    broadcast(comm, data.figures.to_generated.training);
    share(comm, data.training);
    broadcast(comm, data.training_labels);
}

}  // namespace lapatlas
