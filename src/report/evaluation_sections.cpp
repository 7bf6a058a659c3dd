#include "src/report/evaluation_sections.hpp"

#include <algorithm>
#include <cmath>

#include "src/evaluate/evaluation_output.hpp"

namespace lapatlas {
namespace {

constexpr const char* kRealColour = "#4269d0";
constexpr const char* kGeneratedColour = "#e4523b";
constexpr const char* kUnlabelledColour = "#9aa1ad";

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

std::string colour_of(std::int32_t label) {
    return label < 0 ? kUnlabelledColour : category_colour(static_cast<std::size_t>(label));
}

/// One series a label, -1 first.
std::vector<PlotSeries> by_label(const std::vector<double>& x, const std::vector<double>& y,
                                 const std::vector<std::int32_t>& labels,
                                 const std::vector<std::string>& names) {
    std::vector<PlotSeries> all(names.size() + 1), present;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        PlotSeries& series = all[static_cast<std::size_t>(labels[i] + 1)];
        series.x.push_back(x[i]);
        series.y.push_back(y[i]);
    }
    for (std::size_t c = 0; c < all.size(); ++c) {
        if (all[c].x.empty()) continue;
        all[c].name = c == 0 ? "unlabelled" : names[c - 1];
        all[c].colour = colour_of(static_cast<std::int32_t>(c) - 1);
        present.push_back(std::move(all[c]));
    }
    return present;
}

PlotGroup cell_maps(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Real and generated cells";
    group.text =
        "Each dot is a cell, seen along the two directions in which the training cells vary most. Real cells "
        "are test "
        "cells that the model has never seen; as many generated cells are drawn beside them.";
    const auto x_range = padded_range({&pictures.test_x, &pictures.generated_x});
    const auto y_range = padded_range({&pictures.test_y, &pictures.generated_y});
    const auto add = [&](const std::string& title, std::vector<PlotSeries> series, bool named) {
        Plot plot;
        plot.title = title;
        plot.alt = title + ": cells along principal components 1 and 2 of the training cells";
        plot.x_label = "principal component 1";
        plot.y_label = "principal component 2";
        plot.x_range = x_range;
        plot.y_range = y_range;
        plot.legend = !named;
        if (named && series.size() > 1)
            for (const PlotSeries& one : series)
                plot.labels.push_back({one.name, median(one.x), median(one.y)});
        plot.series = std::move(series);
        group.plots.push_back(std::move(plot));
    };
    const auto real = by_label(pictures.test_x, pictures.test_y, pictures.test_labels, pictures.label_names);
    const auto generated =
        by_label(pictures.generated_x, pictures.generated_y, pictures.generated_labels, pictures.label_names);
    for (std::size_t c = 0; c <= pictures.label_names.size(); ++c) {
        const std::string name = c == 0 ? "unlabelled" : pictures.label_names[c - 1];
        const auto shown = [&](const auto& list) {
            return std::any_of(list.begin(), list.end(), [&](const PlotSeries& s) { return s.name == name; });
        };
        if (shown(real) || shown(generated))
            group.legend.emplace_back(name, colour_of(static_cast<std::int32_t>(c) - 1));
    }
    add("Real cells, by type", real, true);
    add("Generated cells, by type", generated, true);
    add("Together",
        {{"real", pictures.test_x, pictures.test_y, kRealColour, false},
         {"generated", pictures.generated_x, pictures.generated_y, kGeneratedColour, false}},
        false);
    return group;
}

PlotGroup gene_plots(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Genes";
    group.text = "Each dot is a gene. On the dashed line, real and generated cells agree.";
    const auto add = [&](const std::string& title, const std::string& what, const std::vector<double>& real,
                         const std::vector<double>& generated) {
        Plot plot;
        plot.title = title;
        plot.alt = title + ": generated against real cells, one dot a gene";
        plot.x_label = "real cells: " + what;
        plot.y_label = "generated cells: " + what;
        plot.x_range = plot.y_range = padded_range({&real, &generated});
        plot.identity_line = true;
        plot.legend = false;
        plot.series = {{"genes", real, generated, kRealColour, false}};
        group.plots.push_back(std::move(plot));
    };
    add("Mean expression of each gene", "mean of log(1 + counts per 10,000)", pictures.test_mean,
        pictures.generated_mean);
    add("Zero fraction of each gene", "share of cells without the gene", pictures.test_zero_fraction,
        pictures.generated_zero_fraction);
    return group;
}

/// Means of at most `limit` runs of neighbouring points.
PlotSeries thinned(const TrainingCurve& curve, std::size_t limit) {
    PlotSeries series;
    series.name = curve.name;
    series.connected = true;
    const std::size_t run = std::max<std::size_t>(1, (curve.steps.size() + limit - 1) / limit);
    for (std::size_t begin = 0; begin < curve.steps.size(); begin += run) {
        double step = 0, value = 0, known = 0;
        for (std::size_t i = begin; i < std::min(begin + run, curve.steps.size()); ++i)
            if (std::isfinite(curve.values[i])) step += curve.steps[i], value += curve.values[i], known += 1;
        if (known == 0) continue;
        series.x.push_back(step / known);
        series.y.push_back(value / known);
    }
    return series;
}

}  // namespace

void add_evaluation(ReportInput& report, const EvaluationResult& result) {
    const auto headline = [&](const char* key, const char* label) {
        const Figure& figure = result.figure(key);
        report.headlines.push_back(
            {spread_text(figure.generated), label, "between real cells: " + spread_text(figure.floor)});
    };
    headline("pooled_rf_auc", "telling generated from real cells (random forest AUC; 0.5 is a guess)");
    headline("pooled_w2", "distance of generated from real cells (W2)");
    headline("label_accuracy", "generated cells recognised as their type");
    report.warnings.insert(report.warnings.end(), result.warnings.begin(), result.warnings.end());
    if (!result.pictures.test_x.empty() && !result.pictures.generated_x.empty()) {
        report.groups.push_back(cell_maps(result.pictures));
        report.groups.push_back(gene_plots(result.pictures));
    }

    ReportTable figures{
        "How close generated cells come to real ones",
        "The floor is the same number between two random halves of the real test cells: no generator can "
        "be expected to do better. Mean ± standard deviation over " +
            std::to_string(result.halvings) + " random halvings, " + std::to_string(result.cells_a_side) +
            " cells a side.",
        {"figure", "space", "generated", "floor (real)"},
        {}};
    for (const Figure& figure : result.figures)
        figures.rows.push_back(
            {figure.title, figure.space, spread_text(figure.generated), spread_text(figure.floor)});
    report.tables.push_back(std::move(figures));

    if (result.types.empty()) return;
    ReportTable types{"Types",
                      "Types with fewer than " + std::to_string(result.min_type_cells) +
                          " cells a side are named and not scored.",
                      {"type", "test cells", "cells a side", "random forest AUC", "floor", "W2", "floor"},
                      {}};
    for (const TypeFigures& type : result.types) {
        std::vector<std::string> row{type.name, std::to_string(type.test_cells),
                                     std::to_string(type.cells_a_side)};
        for (const char* key : {"rf_auc", "w2"}) {
            const auto found = std::find_if(type.figures.begin(), type.figures.end(),
                                            [&](const Figure& figure) { return figure.key == key; });
            row.push_back(found == type.figures.end() ? "n/a" : spread_text(found->generated));
            row.push_back(found == type.figures.end() ? "n/a" : spread_text(found->floor));
        }
        types.rows.push_back(std::move(row));
    }
    report.tables.push_back(std::move(types));
}

void add_training_curves(ReportInput& report, const std::vector<TrainingCurve>& curves,
                         const std::string& step_name) {
    constexpr std::size_t kPoints = 300;
    PlotGroup group;
    group.heading = "Training";
    for (const TrainingCurve& curve : curves) {
        auto plot = std::find_if(group.plots.begin(), group.plots.end(),
                                 [&](const Plot& candidate) { return candidate.title == curve.plot; });
        if (plot == group.plots.end()) {
            Plot fresh;
            fresh.title = fresh.y_label = curve.plot;
            fresh.alt = "Training curve: " + curve.plot + " by " + step_name;
            fresh.x_label = step_name;
            plot = group.plots.insert(group.plots.end(), std::move(fresh));
        }
        PlotSeries series = thinned(curve, kPoints);
        series.colour = category_colour(plot->series.size());
        plot->series.push_back(std::move(series));
    }
    if (!group.plots.empty()) report.groups.push_back(std::move(group));
}

}  // namespace lapatlas
