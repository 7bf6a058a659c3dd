// The points of a scaling study as one page and one table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

#include "dist/error.hpp"
#include "src/report/html_report.hpp"
#include "src/report/svg_plot.hpp"
#include "src/train/metrics_file.hpp"
#include "tests/bench/bench_table.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/scaling/scaling_fit.hpp"

namespace lapatlas::bench {

namespace {

std::string number(double value, int digits = 3) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    return text;
}

struct Column {
    const char* name;
    std::string (*text)(const StepFigures& point, const StepFigures& smallest);
};
constexpr double kHour = 3600;
const Column kColumns[] = {
    {"series", [](const StepFigures& p, const StepFigures&) { return p.series; }},
    {"kind", [](const StepFigures& p, const StepFigures&) { return p.kind; }},
    {"ranks", [](const StepFigures& p, const StepFigures&) { return std::to_string(p.ranks); }},
    {"nodes",
     [](const StepFigures& p, const StepFigures&) { return p.nodes > 0 ? std::to_string(p.nodes) : ""; }},
    {"cells", [](const StepFigures& p, const StepFigures&) { return number(p.cells, 8); }},
    {"seconds a step", [](const StepFigures& p, const StepFigures&) { return number(p.seconds, 4); }},
    {"cells a second",
     [](const StepFigures& p, const StepFigures&) { return number(p.cells / p.seconds, 4); }},
    {"efficiency", [](const StepFigures& p, const StepFigures& s) { return number(efficiency(p, s)); }},
    {"core-hours a million cells",
     [](const StepFigures& p, const StepFigures&) {
         return number(p.seconds * p.ranks / kHour * 1e6 / p.cells);
     }},
    {"work", [](const StepFigures& p, const StepFigures&) { return number(p.work_mean, 4); }},
    {"largest work", [](const StepFigures& p, const StepFigures&) { return number(p.work_max, 4); }},
    {"halo wait", [](const StepFigures& p, const StepFigures&) { return number(p.halo_wait); }},
    {"gradient wait", [](const StepFigures& p, const StepFigures&) { return number(p.reduce_wait); }},
    {"halo MB sent", [](const StepFigures& p, const StepFigures&) { return number(p.halo_bytes / 1e6, 4); }},
    {"gradient MB", [](const StepFigures& p, const StepFigures&) { return number(p.reduce_bytes / 1e6, 4); }},
    {"messages", [](const StepFigures& p, const StepFigures&) { return number(p.messages, 4); }},
    {"ghosts/own",
     [](const StepFigures& p, const StepFigures&) { return number(p.ghosts_mean * p.ranks / p.cells); }},
    {"largest ghosts/own",
     [](const StepFigures& p, const StepFigures&) { return number(p.ghosts_max * p.ranks / p.cells); }},
    {"peak GiB a rank",
     [](const StepFigures& p, const StepFigures&) {
         return p.peak_memory > 0 ? number(p.peak_memory / (1 << 30)) : "";
     }},
    {"where", [](const StepFigures& p, const StepFigures&) { return p.where; }},
};

using Series = std::vector<StepFigures>;  // ascending by ranks

std::vector<std::string> row_of(const StepFigures& point, const StepFigures& smallest) {
    std::vector<std::string> row;
    for (const Column& column : kColumns) row.push_back(column.text(point, smallest));
    return row;
}

std::vector<std::string> column_names() {
    std::vector<std::string> names;
    for (const Column& column : kColumns) names.emplace_back(column.name);
    return names;
}

/// One point a number of ranks, the first there is, as a line of a plot.
template <class Value>
PlotSeries line_of(const Series& series, const std::string& name, const std::string& colour,
                   const Value& value) {
    PlotSeries line{name, {}, {}, colour, true};
    int last = 0;
    for (const StepFigures& point : series) {
        if (point.ranks == last) continue;
        last = point.ranks;
        line.x.push_back(std::log2(point.ranks));
        line.y.push_back(value(point));
    }
    return line;
}

/// One colour a kind of knowledge: measured and simulated must not be taken for each other.
constexpr std::pair<const char*, const char*> kKinds[] = {
    {"measured", "#4269d0"}, {"predicted", "#6cc5b0"}, {"simulated", "#efb118"}, {"extrapolated", "#e4523b"}};

template <class Value>
Picture against_ranks(const Series& series, const std::string& title, const std::string& label,
                      const Value& value) {
    Plot plot;
    plot.title = title;
    plot.alt = title + " against the number of ranks";
    plot.x_label = "ranks (log2)";
    plot.y_label = label;
    plot.in_turns = false;
    for (const auto& [kind, colour] : kKinds) {
        PlotSeries line{kind, {}, {}, colour, false};
        for (const StepFigures& point : series) {
            if (point.kind != kind) continue;
            line.x.push_back(std::log2(point.ranks));
            line.y.push_back(value(point));
        }
        if (!line.x.empty()) plot.series.push_back(std::move(line));
    }
    double largest = 1e-12;
    for (const StepFigures& point : series) largest = std::max(largest, static_cast<double>(value(point)));
    plot.y_range = std::pair{0.0, 1.1 * largest};
    return picture_of(plot);
}

Picture phases(const Series& series) {
    Plot plot;
    plot.title = "A step by phase";
    plot.alt = "Seconds of a step that ranks compute and wait, against the number of ranks";
    plot.x_label = "ranks (log2)";
    plot.y_label = "seconds";
    const std::pair<const char*, double (*)(const StepFigures&)> lines[] = {
        {"step", [](const StepFigures& p) { return p.seconds; }},
        {"work, mean of ranks", [](const StepFigures& p) { return p.work_mean; }},
        {"work, slowest rank", [](const StepFigures& p) { return p.work_max; }},
        {"halo not hidden", [](const StepFigures& p) { return p.halo_wait; }},
        {"gradients not hidden", [](const StepFigures& p) { return p.reduce_wait; }}};
    std::size_t colour = 0;
    for (const auto& [name, value] : lines)
        plot.series.push_back(line_of(series, name, category_colour(colour++), value));
    return picture_of(plot);
}

struct Fits {
    TimeFit time;
    ScalabilityLaw law;
};

Fits fits_of(const Series& series) {
    std::vector<double> ranks, capacities;
    for (const StepFigures& point : series) {
        ranks.push_back(point.ranks);
        capacities.push_back(efficiency(point, series.front()) * point.ranks / series.front().ranks);
    }
    return {fit_time(series), fit_scalability(ranks, capacities)};
}

/// Where a measured and a predicted point have the same ranks: how far off the prediction is.
std::vector<std::vector<std::string>> checked_predictions(const std::map<std::string, Series>& all) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, series] : all)
        for (const StepFigures& seen : series)
            for (const StepFigures& told : series)
                if (seen.kind == "measured" && told.kind == "predicted" && seen.ranks == told.ranks)
                    rows.push_back({name, std::to_string(seen.ranks), number(seen.seconds, 4),
                                    number(told.seconds, 4),
                                    number(100 * (told.seconds / seen.seconds - 1), 2) + " %", seen.where});
    return rows;
}

/// Runs of training in the folder: what each took, and took to come near the best held-out likelihood of all.
ReportTable runs_in(const std::filesystem::path& folder) {
    constexpr double kNear = 0.002;
    ReportTable table{
        "Training runs and time to quality",
        "Hours are those of a rank, that is of the cores or the GPU that it has. Near: a validation "
        "reconstruction within 0.2 % of the best of all runs here.",
        {"run", "seconds", "rank-hours", "best validation", "seconds until near", "rank-hours until near"},
        {}};
    std::vector<std::pair<std::string, std::vector<MetricsRow>>> runs;
    double best = std::numeric_limits<double>::infinity();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().filename() != "metrics.csv") continue;
        runs.emplace_back(std::filesystem::relative(entry.path().parent_path(), folder).string(),
                          read_metrics(entry.path()));
        for (const MetricsRow& row : runs.back().second)
            if (!std::isnan(row.validation_reconstruction))
                best = std::min(best, row.validation_reconstruction);
    }
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [name, rows] : runs) {
        if (rows.empty()) continue;
        double of_run = std::numeric_limits<double>::infinity();
        const MetricsRow* near = nullptr;
        for (const MetricsRow& row : rows) {
            if (std::isnan(row.validation_reconstruction)) continue;
            of_run = std::min(of_run, row.validation_reconstruction);
            if (near == nullptr && row.validation_reconstruction <= best * (1 + kNear)) near = &row;
        }
        table.rows.push_back({name, number(rows.back().seconds, 5), number(rows.back().rank_hours, 4),
                              std::isinf(of_run) ? "none" : number(of_run, 6),
                              near == nullptr ? "not reached" : number(near->seconds, 5),
                              near == nullptr ? "not reached" : number(near->rank_hours, 4)});
    }
    return table;
}

}  // namespace

int collate(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() != 2 || comm.size() > 1)
        throw ConfigError(
            "on one rank: lapatlas-bench collate FOLDER REPORT.html; FOLDER holds the figures (*.json) of a "
            "study");
    std::map<std::string, Series> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[0])) {
        const std::string name = entry.path().filename().string();
        // Runs have JSON of their own.
        if (!name.ends_with(".json") || name.ends_with(".point.json") ||
            std::filesystem::exists(entry.path().parent_path() / "metrics.csv"))
            continue;
        StepFigures figures = read_figures(entry.path());
        all[figures.series].push_back(std::move(figures));
    }
    ReportTable runs = runs_in(arguments[0]);
    if (all.empty() && runs.rows.empty())
        throw InputError(arguments[0] + ": neither figures of a study (*.json) nor runs (metrics.csv) in it");
    ReportInput report;
    report.title = "Scaling of training";
    report.subtitle =
        "Whole-graph joint steps. Measured points ran; predicted and simulated ones are the step's own "
        "messages, with its work as time "
        "calibrated on one rank, under SimGrid; extrapolated ones also draw their halos from a fit.";
    ReportTable fits{"Fits",
                     "T = work of the slowest rank + latency x messages + bytes / bandwidth, and the "
                     "universal scalability law "
                     "C(p) = p / (1 + sigma (p - 1) + kappa p (p - 1)).",
                     {"series", "latency, us a message", "bandwidth, GB/s", "largest error", "sigma", "kappa",
                      "throughput peaks at"},
                     {}};
    std::vector<std::vector<std::string>> rows{column_names()};
    for (auto& [name, series] : all) {
        // Of points with equal ranks the measured one first: it is what the others are compared with.
        std::sort(series.begin(), series.end(), [](const StepFigures& a, const StepFigures& b) {
            return std::pair(a.ranks, a.kind) < std::pair(b.ranks, b.kind);
        });
        report.groups.push_back(
            {"Series " + name,
             "Efficiency is cells a second and rank beside those of the smallest number of ranks.",
             {against_ranks(series, "Efficiency", "efficiency",
                            [&](const StepFigures& point) { return efficiency(point, series.front()); }),
              phases(series),
              against_ranks(
                  series, "Ghosts of the fullest rank", "ghosts / own rows",
                  [](const StepFigures& point) { return point.ghosts_max * point.ranks / point.cells; })},
             {}});
        const Fits fit = fits_of(series);
        const double peak = fit.law.peak_ranks();
        fits.rows.push_back(
            {name, number(fit.time.latency * 1e6),
             fit.time.seconds_a_byte > 0 ? number(1e-9 / fit.time.seconds_a_byte) : "not limiting",
             number(100 * fit.time.largest_error, 2) + " %", number(fit.law.sigma), number(fit.law.kappa),
             std::isinf(peak) ? "no limit seen" : number(peak) + " ranks"});
        ReportTable table{"Points of series " + name, "", column_names(), {}};
        for (const StepFigures& point : series) table.rows.push_back(row_of(point, series.front()));
        rows.insert(rows.end(), table.rows.begin(), table.rows.end());
        report.tables.push_back(std::move(table));
    }
    if (!fits.rows.empty()) report.tables.insert(report.tables.begin(), fits);
    if (!runs.rows.empty()) report.tables.push_back(std::move(runs));
    if (const auto checked = checked_predictions(all); !checked.empty())
        report.tables.insert(report.tables.begin(),
                             {"Predictions beside measurements",
                              "",
                              {"series", "ranks", "measured s", "predicted s", "off", "where"},
                              checked});
    const std::filesystem::path page = arguments[1];
    write_report(page, report);
    write_csv_beside(page, rows);
    for (const auto& [name, series] : all)
        for (const StepFigures& point : series)
            std::printf("%-8s %5d ranks %-12s %10.4g s a step, efficiency %.3f\n", name.c_str(), point.ranks,
                        point.kind.c_str(), point.seconds, efficiency(point, series.front()));
    return 0;
}

}  // namespace lapatlas::bench
