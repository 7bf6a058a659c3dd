#include "src/report_run.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>

#include "dist/agreement.hpp"
#include "src/config/config.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/io/prepared_file.hpp"
#include "src/report/evaluation_sections.hpp"
#include "src/report/html_report.hpp"
#include "src/run_history.hpp"
#include "src/train/metrics_file.hpp"

namespace lapatlas {

namespace {

struct CurveSource {
    const char* plot;
    const char* name;
    const char* phase;
    double MetricsRow::*value;
};

constexpr CurveSource kCurves[] = {
    {"Reconstruction, nats a cell", "training", "joint", &MetricsRow::reconstruction},
    {"Reconstruction, nats a cell", "validation", "joint", &MetricsRow::validation_reconstruction},
    {"KL, nats a cell", "training", "joint", &MetricsRow::kl},
    {"KL, nats a cell", "validation", "joint", &MetricsRow::validation_kl},
    {"Diffusion loss while the encoder moves", "joint", "joint", &MetricsRow::diffusion},
    {"Diffusion loss on frozen latents", "ScoreNet alone", "score", &MetricsRow::diffusion},
};

std::vector<TrainingCurve> training_curves(const std::vector<MetricsRow>& rows) {
    std::vector<TrainingCurve> curves;
    for (const CurveSource& source : kCurves) {
        TrainingCurve curve{source.plot, source.name, {}, {}};
        for (const MetricsRow& row : rows) {
            if (row.phase != source.phase || std::isnan(row.*source.value)) continue;
            curve.steps.push_back(static_cast<double>(row.step));
            curve.values.push_back(row.*source.value);
        }
        if (!curve.steps.empty()) curves.push_back(std::move(curve));
    }
    return curves;
}

std::string short_number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.5g", value);
    return text;
}

/// What was learned from: one row a fact.
ReportTable facts(const PreparedSummary& summary) {
    ReportTable table{"Data and graph", "What the model was trained on.", {"fact", "value"}, {}};
    const auto add = [&](const std::string& name, const std::string& value) {
        table.rows.push_back({name, value});
    };
    add("counts from", summary.matrix_name);
    add("cells read", std::to_string(summary.num_cells));
    add("training cells", std::to_string(summary.num_train));
    add("held-out cells (validation and test)", std::to_string(summary.num_heldout));
    add("genes", std::to_string(summary.gene_names.size()));
    if (!summary.protein_names.empty()) add("proteins", std::to_string(summary.protein_names.size()));
    add("types", std::to_string(summary.label_names.size()));
    add("METIS clusters", std::to_string(summary.cluster_weights.size()));
    for (const auto& [name, value] : summary.figures) add(name, short_number(value));
    return table;
}

std::string local_time(double seconds_since_1970) {
    const auto seconds = static_cast<std::time_t>(seconds_since_1970);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return text;
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
    return text;
}

/// Where the run's time went, a stage a row and for stages on several nodes each node.
void add_history(ReportInput& report, const std::vector<StageRecord>& records) {
    ReportTable stages{"Stages and where they ran",
                       "Processors: processor time used of what the ranks' threads could have used; waiting: "
                       "share of the ranks' time in calls that wait for other ranks.",
                       {"stage", "began", "took", "SLURM job", "ranks", "nodes", "processors", "waiting"},
                       {}};
    ReportTable nodes{
        "Waiting, by node",
        "Exchanges: share of all ranks' time spent waiting for messages of the graph's boundaries "
        "between this node and others; a node that stands out is slow, or its network is.",
        {"stage", "node", "ranks", "waiting", "exchanges"},
        {}};
    for (const StageRecord& record : records) {
        std::string job = record.job.empty() ? "none" : record.job;
        if (record.restarts > 0) job += ", put back " + std::to_string(record.restarts) + " times";
        stages.rows.push_back({record.stage + (record.state == "done" ? "" : ", " + record.state),
                               local_time(record.started), short_number(record.seconds) + " s", job,
                               std::to_string(record.ranks), std::to_string(record.nodes.size()),
                               percent(record.cpu_share), percent(record.waited_share())});
        if (!record.remark.empty()) report.warnings.push_back(record.remark);
        if (record.nodes.size() < 2) continue;
        for (const StageRecord::Node& node : record.nodes)
            nodes.rows.push_back({record.stage, node.host, std::to_string(node.ranks),
                                  percent(node.waited_share), percent(node.exchange_share)});
    }
    if (!stages.rows.empty()) report.tables.push_back(std::move(stages));
    if (!nodes.rows.empty()) report.tables.push_back(std::move(nodes));
}

}  // namespace

void report_run(const Communicator& comm, const Config& config, const RunFolder& run,
                const std::filesystem::path& output, Log& log) {
    log.stage("report " + output.string());
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        const PreparedSummary summary = read_prepared_summary(run.prepared());
        const EvaluationResult result = read_evaluation_json(run.evaluation());
        ReportInput report;
        report.title = "Synthetic cells of " + std::filesystem::path(config.input.path).filename().string();
        report.subtitle =
            "LapAtlas " LAPATLAS_VERSION ", trained on " + std::to_string(summary.num_train) + " cells";
        add_evaluation(report, result);
        add_training_curves(report, training_curves(read_metrics(run.metrics())), "training step");
        report.tables.push_back(facts(summary));
        add_history(report, read_history(run.history()));
        report.command =
            "mpirun -n " + std::to_string(comm.size()) + " lapatlas run " + run.config().string();
        report.provenance = {{"version", LAPATLAS_VERSION},
                             {"seed", std::to_string(config.runtime.seed)},
                             {"ranks", std::to_string(comm.size())}};
        for (const auto& [name, value] : list_options(config)) report.provenance.emplace_back(name, value);
        write_report(output, report);
    });
}

}  // namespace lapatlas
