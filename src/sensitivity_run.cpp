#include "src/sensitivity_run.hpp"

#include <cstdio>
#include <iterator>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "src/config/text_list.hpp"
#include "src/denoise/denoise_figures.hpp"
#include "src/denoise/denoise_input.hpp"
#include "src/denoise/denoiser.hpp"

namespace lapatlas {

namespace {

namespace fs = std::filesystem;

std::vector<double> rhos_of(const Config& config) {
    if (!config.sensitivity.rho.empty())
        return numbers_of_list(config.sensitivity.rho, "sensitivity.rho", 1e-6);
    std::vector<double> rhos;
    for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0}) rhos.push_back(factor * config.denoise.rho);
    return rhos;
}

std::vector<std::int64_t> components_of(const Config& config) {
    if (config.sensitivity.components.empty()) return {config.denoise.components};
    std::vector<std::int64_t> all;
    for (const double number : numbers_of_list(config.sensitivity.components, "sensitivity.components", 1))
        all.push_back(static_cast<std::int64_t>(number));
    return all;
}

/// One pair and what came of it.
struct Row {
    std::int64_t components;
    double rho;
    DenoiseFigures figures;
};

struct Column {
    const char* name;
    double (*of)(const DenoiseFigures&);
};
constexpr Column kColumns[] = {
    {"silhouette PCA", [](const DenoiseFigures& f) { return f.pca.silhouette; }},
    {"silhouette", [](const DenoiseFigures& f) { return f.dice.silhouette; }},
    {"cLISI PCA", [](const DenoiseFigures& f) { return f.pca.clisi; }},
    {"cLISI", [](const DenoiseFigures& f) { return f.dice.clisi; }},
    {"ARI PCA", [](const DenoiseFigures& f) { return f.pca.leiden_ari; }},
    {"ARI", [](const DenoiseFigures& f) { return f.dice.leiden_ari; }},
    {"NMI PCA", [](const DenoiseFigures& f) { return f.pca.leiden_nmi; }},
    {"NMI", [](const DenoiseFigures& f) { return f.dice.leiden_nmi; }},
    {"accuracy", [](const DenoiseFigures& f) { return f.accuracy; }},
    {"entropy", [](const DenoiseFigures& f) { return f.entropy; }},
    {"shift", [](const DenoiseFigures& f) { return f.shift; }},
    {"spread", [](const DenoiseFigures& f) { return f.spread; }},
};

/// How a line of the table is written.
struct LineForm {
    const char *begin, *between, *end;
    const char* number;  ///< printf's format of a figure
};
constexpr LineForm kMarkdown{"| ", " | ", " |\n", "%.3f"}, kCsv{"", ",", "\n", "%.6g"};

std::string line_of(const std::vector<std::string>& cells, const LineForm& form) {
    std::string line = form.begin;
    for (std::size_t i = 0; i < cells.size(); ++i) line.append(i > 0 ? form.between : "").append(cells[i]);
    return line + form.end;
}

std::string head_of(const LineForm& form) {
    std::vector<std::string> names{"components", "rho"};
    for (const Column& column : kColumns) names.emplace_back(column.name);
    return line_of(names, form);
}

std::string body_of(const std::vector<Row>& rows, const LineForm& form) {
    std::string text;
    for (const Row& row : rows) {
        std::vector<std::string> cells{std::to_string(row.components), number_text(row.rho)};
        for (const Column& column : kColumns) {
            char number[32];
            std::snprintf(number, sizeof number, form.number, column.of(row.figures));
            cells.emplace_back(number);
        }
        text += line_of(cells, form);
    }
    return text;
}

std::string markdown(const std::vector<Row>& rows) {
    const std::string rule = line_of(std::vector<std::string>(2 + std::size(kColumns), "---"), kMarkdown);
    return head_of(kMarkdown) + rule + body_of(rows, kMarkdown);
}

std::string csv(const std::vector<Row>& rows) { return head_of(kCsv) + body_of(rows, kCsv); }

}  // namespace

std::string sensitivity_run(const std::shared_ptr<const Backend>& backend, const Config& config,
                            const RunFolder& run, const std::map<std::string, std::string>& provenance,
                            Log& log) {
    const Communicator& comm = backend->comm();
    const std::vector<double> rhos = agreed(comm, [&] { return rhos_of(config); });
    const std::vector<std::int64_t> components = agreed(comm, [&] { return components_of(config); });
    open_run_folder(comm, run, config);
    const fs::path folder = run.dir / "sensitivity";
    agreed(comm, [&] {
        if (comm.is_root()) fs::create_directories(folder);
    });
    const DenoiseInput input = read_denoise_input(comm, config, log);
    std::vector<Row> rows;
    std::vector<SampleStore> stores;
    std::string table;
    for (const std::int64_t k : components) {
        Config own = config;
        own.denoise.components = k;
        std::string name = "k";
        name.append(k == 0 ? "-elbow" : std::to_string(k));
        Denoiser denoiser(backend, own, input, run.dir / "denoise" / ("prior-" + name + ".h5"), provenance,
                          log);
        for (const double rho : rhos) {
            DenoiseOptions options = own.denoise;
            options.last_rho *= rho / options.rho;
            options.rho = rho;
            log.stage("denoise with rho " + number_text(rho));
            const fs::path figures_file = folder / (name + "-rho" + number_text(rho) + ".figures.json");
            const DenoisedQuery denoised = denoiser.denoise(options, figures_file, log);
            rows.push_back(
                {denoised.width, rho,
                 judge_query(comm, input, denoised, static_cast<std::uint64_t>(config.runtime.seed))});
            agreed(comm, [&] {
                if (!comm.is_root()) return;
                write_denoise_figures(figures_file, rows.back().figures, provenance);
                table = markdown(rows);
                write_whole_file(run.dir / "sensitivity.md", table);
                write_whole_file(run.dir / "sensitivity.csv", csv(rows));
            });
            // Kept until all is there: a study cut short goes on from them.
            stores.push_back(denoised.store);
        }
    }
    keep_config(comm, run, config);
    for (const SampleStore& store : stores) store.remove();
    return table;
}

}  // namespace lapatlas
