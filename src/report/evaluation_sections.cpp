#include "src/report/evaluation_sections.hpp"

#include <algorithm>
#include <cmath>

#include "src/evaluate/evaluation_output.hpp"
#include "src/report/dot_plot.hpp"
#include "src/report/floor_plot.hpp"
#include "src/report/svg_plot.hpp"
#include "src/report/violin_plot.hpp"

namespace lapatlas {
namespace {

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

/// The axes that all maps share.
Plot empty_map(const EvaluationPictures& pictures, const std::string& title, const std::string& alt) {
    Plot plot;
    plot.title = title;
    plot.alt = alt;
    plot.x_label = "UMAP 1";
    plot.y_label = "UMAP 2";
    plot.x_range = padded_range({&pictures.test.map_x, &pictures.generated.map_x});
    plot.y_range = padded_range({&pictures.test.map_y, &pictures.generated.map_y});
    return plot;
}

PlotGroup cell_maps(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Real and generated cells";
    group.text =
        "Each dot is a cell on one UMAP of both samples: cells that express alike lie beside each other. "
        "Real "
        "cells are test cells that the model has never seen; as many generated cells are drawn beside them.";
    const CellPictures &test = pictures.test, &made = pictures.generated;
    const auto add = [&](const std::string& title, std::vector<PlotSeries> series, bool named) {
        Plot plot = empty_map(pictures, title, title + ": cells on a UMAP");
        plot.legend = !named;
        if (named && series.size() > 1)
            for (const PlotSeries& one : series)
                plot.labels.push_back({one.name, median(one.x), median(one.y)});
        plot.series = std::move(series);
        group.pictures.push_back(picture_of(plot));
    };
    const auto real = by_label(test.map_x, test.map_y, test.labels, pictures.label_names);
    const auto generated = by_label(made.map_x, made.map_y, made.labels, pictures.label_names);
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
        {{"real", test.map_x, test.map_y, kRealColour, false},
         {"generated", made.map_x, made.map_y, kGeneratedColour, false}},
        false);
    return group;
}

/// One panel a type: its real and generated cells over all others in grey.
PlotGroup type_maps(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Type by type";
    group.text = "The same map; in each panel one type in colour, all other cells in grey.";
    const CellPictures &test = pictures.test, &made = pictures.generated;
    for (std::size_t type = 0; type < pictures.label_names.size(); ++type) {
        PlotSeries others{"other cells", {}, {}, "#c9cdd6", false}, real{"real", {}, {}, kRealColour, false},
            generated{"generated", {}, {}, kGeneratedColour, false};
        const auto deal = [&](const CellPictures& cells, PlotSeries& own) {
            for (std::size_t i = 0; i < cells.labels.size(); ++i) {
                PlotSeries& series = cells.labels[i] == static_cast<std::int32_t>(type) ? own : others;
                series.x.push_back(cells.map_x[i]);
                series.y.push_back(cells.map_y[i]);
            }
        };
        deal(test, real);
        deal(made, generated);
        if (real.x.empty() && generated.x.empty()) continue;
        const std::string title = pictures.label_names[type] + ": " + std::to_string(real.x.size()) +
                                  " real, " + std::to_string(generated.x.size()) + " generated";
        Plot plot = empty_map(pictures, title, title + ", on a UMAP of all cells");
        plot.series = {std::move(others), std::move(real), std::move(generated)};
        plot.in_turns = false;
        group.pictures.push_back(picture_of(plot));
    }
    return group;
}

/// Counts, genes and mitochondrial share, by type.
PlotGroup quality_violins(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Quality control";
    group.text =
        "What every single-cell workflow looks at first. Left halves are real cells, right halves generated "
        "ones; the line is the median.";
    const auto add = [&](const std::string& title, const std::string& label, bool logarithmic,
                         std::vector<double> CellPictures::*values, double factor) {
        const auto &real = pictures.test.*values, &generated = pictures.generated.*values;
        if (real.empty() || generated.empty()) return;
        ViolinPlot plot{
            title, title + " of real and generated cells, a violin a type", label, {}, logarithmic};
        for (std::size_t type = 0; type <= pictures.label_names.size(); ++type) {
            ViolinGroup one;
            one.name = type == 0 ? "all cells" : pictures.label_names[type - 1];
            const auto deal = [&](const std::vector<double>& from, const std::vector<std::int32_t>& labels,
                                  std::vector<double>& to) {
                for (std::size_t i = 0; i < from.size(); ++i)
                    if (type == 0 || labels[i] == static_cast<std::int32_t>(type) - 1)
                        to.push_back(factor * from[i]);
            };
            deal(real, pictures.test.labels, one.real);
            deal(generated, pictures.generated.labels, one.generated);
            if (!one.real.empty() || !one.generated.empty()) plot.groups.push_back(std::move(one));
        }
        group.pictures.push_back(picture_of(plot));
    };
    add("Counts a cell", "counts", true, &CellPictures::counts, 1);
    add("Genes a cell", "genes", true, &CellPictures::genes, 1);
    add("Mitochondrial share", "% of counts", false, &CellPictures::mito_share, 100);
    return group;
}

PlotGroup gene_plots(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Genes";
    group.text = "Each dot is a gene. On the dashed line, real and generated cells agree.";
    const auto add = [&](const std::string& title, const std::string& what,
                         std::vector<double> GenePictures::*values) {
        const auto &real = pictures.test_genes.*values, &generated = pictures.generated_genes.*values;
        Plot plot;
        plot.title = title;
        plot.alt = title + ": generated against real cells, one dot a gene";
        plot.x_label = "real cells: " + what;
        plot.y_label = "generated cells: " + what;
        plot.x_range = plot.y_range = padded_range({&real, &generated});
        plot.identity_line = true;
        plot.legend = false;
        plot.series = {{"genes", real, generated, kRealColour, false}};
        group.pictures.push_back(picture_of(plot));
    };
    add("Mean expression of each gene", "mean of log(1 + counts per 10,000)", &GenePictures::mean);
    add("Variance of each gene", "variance of the same", &GenePictures::variance);
    add("Zero fraction of each gene", "share of cells without the gene", &GenePictures::zero_fraction);
    const DotPlotPictures& markers = pictures.markers;
    if (!markers.genes.empty())
        group.pictures.push_back(picture_of(
            DotPlot{"Markers of the types", "Markers by type: real cells above, generated cells below",
                    markers.types, markers.genes, markers.test_share, markers.test_mean,
                    markers.generated_share, markers.generated_mean}));
    return group;
}

/// Share of the cells [0, 1] at most as far as each distance.
PlotSeries cumulative(const std::string& name, const char* colour, std::vector<double> distances) {
    std::erase_if(distances, [](double d) { return !std::isfinite(d); });
    std::sort(distances.begin(), distances.end());
    PlotSeries series{name, {}, {}, colour, true};
    for (std::size_t i = 0; i < distances.size(); ++i) {
        series.x.push_back(distances[i]);
        series.y.push_back(static_cast<double>(i + 1) / static_cast<double>(distances.size()));
    }
    return series;
}

PlotGroup memorisation_plot(const EvaluationPictures& pictures) {
    PlotGroup group;
    group.heading = "Memorisation";
    group.text =
        "How far cells lie from the nearest training cell. Test cells have never been seen; generated cells "
        "that "
        "lay much nearer, a curve further left, would be copies.";
    Plot plot;
    plot.title = "Distance to the nearest training cell";
    plot.alt =
        "Cumulative share of real test cells and of generated cells by their distance to the nearest "
        "training cell";
    plot.x_label = "distance in principal components of the training cells";
    plot.y_label = "share of cells at most as far";
    plot.y_range = std::pair<double, double>{0, 1.02};
    plot.series = {cumulative("real test cells", kRealColour, pictures.test.training_distance),
                   cumulative("generated cells", kGeneratedColour, pictures.generated.training_distance)};
    group.pictures.push_back(picture_of(plot));
    return group;
}

/// The figures that belong on one axis, as bars with their floor.
PlotGroup floor_bars(const EvaluationResult& result) {
    PlotGroup group;
    group.heading = "Against the floor";
    group.text =
        "The band is what two halves of the real test cells differ by (mean ± standard deviation): no "
        "generator "
        "can be expected to do better than reach it.";
    const auto add = [&](const std::string& title, const std::string& label,
                         std::initializer_list<std::pair<const char*, const char*>> keys) {
        FloorPlot plot{title, title + ": generated cells beside the floor", label, {}};
        for (const auto& [key, name] : keys)
            for (const Figure& figure : result.figures)
                if (figure.key == key && figure.generated.mean && figure.floor.mean)
                    plot.bars.push_back({name, *figure.generated.mean, figure.generated.sd.value_or(0),
                                         *figure.floor.mean, figure.floor.sd.value_or(0)});
        if (!plot.bars.empty()) group.pictures.push_back(picture_of(plot));
    };
    add("Telling generated from real cells", "AUC; 0.5 is a guess",
        {{"pooled_rf_auc", "random forest, pooled"},
         {"conditional_rf_auc", "random forest, within types"},
         {"joint_rf_auc", "random forest, joint PCA"},
         {"pooled_knn_auc", "nearest neighbours, pooled"},
         {"conditional_knn_auc", "nearest neighbours, within types"},
         {"membership_auc", "membership inference"}});
    add("Distance (Wasserstein-2)", "W2 in train-PCA",
        {{"pooled_w2", "pooled"}, {"conditional_w2", "within types"}});
    add("Shares and ratios", "1 is best, or the floor",
        {{"label_accuracy", "label agreement"},
         {"trained_on_accuracy", "a classifier trained on it"},
         {"coverage", "coverage of real cells"},
         {"density", "density around real cells"},
         {"nearest_training_ratio", "distance to training cells"},
         {"marker_overlap", "markers shared"}});
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
    const EvaluationPictures& pictures = result.pictures;
    if (!pictures.test.map_x.empty() && !pictures.generated.map_x.empty())
        report.groups.push_back(cell_maps(pictures));
    if (PlotGroup bars = floor_bars(result); !bars.pictures.empty()) report.groups.push_back(std::move(bars));
    if (!pictures.test.map_x.empty() && !pictures.generated.map_x.empty()) {
        if (pictures.label_names.size() > 1) report.groups.push_back(type_maps(pictures));
        report.groups.push_back(quality_violins(pictures));
        report.groups.push_back(gene_plots(pictures));
        report.groups.push_back(memorisation_plot(pictures));
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
    std::vector<Plot> plots;
    for (const TrainingCurve& curve : curves) {
        auto plot = std::find_if(plots.begin(), plots.end(),
                                 [&](const Plot& candidate) { return candidate.title == curve.plot; });
        if (plot == plots.end()) {
            Plot fresh;
            fresh.title = fresh.y_label = curve.plot;
            fresh.alt = "Training curve: " + curve.plot + " by " + step_name;
            fresh.x_label = step_name;
            plot = plots.insert(plots.end(), std::move(fresh));
        }
        PlotSeries series = thinned(curve, kPoints);
        series.colour = category_colour(plot->series.size());
        plot->series.push_back(std::move(series));
    }
    for (const Plot& plot : plots) group.pictures.push_back(picture_of(plot));
    if (!group.pictures.empty()) report.groups.push_back(std::move(group));
}

}  // namespace lapatlas
