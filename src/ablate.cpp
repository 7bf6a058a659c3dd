#include "src/ablate.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/config/text_list.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate_run.hpp"
#include "src/generate/generate.hpp"
#include "src/io/atlas_files.hpp"
#include "src/io/near_names.hpp"
#include "src/pipeline.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

namespace {

struct Column {
    const char* key;
    const char* name;
};
constexpr Column kColumns[] = {
    {"pooled_rf_auc", "RF AUC, pooled"},
    {"conditional_rf_auc", "RF AUC, within types"},
    {"joint_rf_auc", "RF AUC, joint"},
    {"pooled_knn_auc", "kNN AUC, pooled"},
    {"pooled_w2", "W2, pooled"},
    {"conditional_w2", "W2, within types"},
    {"label_accuracy", "label agreement"},
    {"nearest_training_ratio", "nearest-training ratio"},
    {"membership_auc", "membership AUC"},
    {"library_ks", "library KS"},
    {"published_pooled_w2", "published W2, pooled"},
    {"published_conditional_w2", "published W2, within types"},
};

std::vector<AblationVariant> chosen_variants(const std::string& list) {
    if (list.empty()) return ablation_variants();
    std::vector<std::string> names;
    for (const AblationVariant& variant : ablation_variants()) names.push_back(variant.name);
    std::vector<AblationVariant> chosen{ablation_variants().front()};
    for (const std::string& word : split_text(list, ',')) {
        if (word.empty()) continue;
        const auto found = std::find(names.begin(), names.end(), word);
        if (found == names.end())
            throw ConfigError("ablate.variants: no variant '" + word + "'" + suggest_names(word, names));
        if (found != names.begin())
            chosen.push_back(ablation_variants()[static_cast<std::size_t>(found - names.begin())]);
    }
    return chosen;
}

/// One variant with one seed: what it runs with, the run its model comes from (`base`'s, if it only
/// generates otherwise), and where its atlas and figures are.
struct Part {
    const AblationVariant& variant;
    Config config;
    RunFolder model, own;
};

Part part_of(const Config& given, const AblationVariant& variant, std::int64_t seed,
             const std::filesystem::path& dir) {
    const auto folder = [&](const AblationVariant& of) {
        return RunFolder{dir / of.name / std::to_string(seed)};
    };
    Part part{variant, given, folder(variant.shares_model() ? ablation_variants().front() : variant),
              folder(variant)};
    for (const auto& [name, value] : variant.settings) set_option(part.config, name, value);
    part.config.runtime.seed = given.runtime.seed + seed;
    part.config.output.dir = part.model.dir.string();
    return part;
}

/// Rank-local. The figures of a part, if they are there and of this configuration.
std::optional<EvaluationResult> find_figures(const Part& part) {
    if (!std::filesystem::exists(part.own.evaluation()) ||
        !std::filesystem::exists(written_atlas(part.own.atlas(), part.config.generate.shards)))
        return {};
    if (!is_evaluated(part.own, derived_for(Communicator::self(), part.model, part.config))) return {};
    return read_evaluation_json(part.own.evaluation());
}

/// Collective. Runs a part, as far as it is not there.
void run_part(const std::shared_ptr<const Backend>& backend, const Part& part, Log& log) {
    const Communicator& comm = backend->comm();
    log.stage("ablation: " + part.variant.name + ", seed " + std::to_string(part.config.runtime.seed));
    if (!part.variant.shares_model()) {
        run_pipeline(backend, part.config, log);
        return;
    }
    if (root_decides(comm, [&] { return find_figures(part).has_value(); })) return;
    const Config config = derived_for(comm, part.model, part.config);
    agreed(comm, [&] {
        if (comm.is_root()) std::filesystem::create_directories(part.own.dir);
    });
    generate(backend, config, part.model.checkpoint(), part.own.atlas(),
             provenance_of(comm, config, "generate"), log);
    evaluate_run(comm, config, part.model, written_atlas(part.own.atlas(), config.generate.shards),
                 part.own.evaluation(), log);
}

/// A row of the table: a variant's figures by seed.
struct Row {
    const AblationVariant& variant;
    std::vector<std::pair<std::int64_t, EvaluationResult>> figures;
};

/// Rank-local. All that is there, whichever call made it.
std::vector<Row> find_rows(const Config& config, const std::filesystem::path& dir) {
    std::vector<Row> rows;
    for (const AblationVariant& variant : ablation_variants()) {
        Row row{variant, {}};
        for (std::int64_t seed = 0; seed < config.ablate.seeds; ++seed) {
            const Part part = part_of(config, variant, seed, dir);
            if (auto figures = find_figures(part))
                row.figures.emplace_back(part.config.runtime.seed, std::move(*figures));
        }
        if (!row.figures.empty()) rows.push_back(std::move(row));
    }
    return rows;
}

/// One figure over the seeds that are there; `floor` of real cells instead.
std::string cell_text(const Row& row, const char* key, bool floor) {
    std::vector<double> values;
    for (const auto& [seed, result] : row.figures) {
        const Figure& figure = result.figure(key);
        if (const auto& mean = (floor ? figure.floor : figure.generated).mean) values.push_back(*mean);
    }
    return spread_text(spread_of(values));
}

std::string markdown(const std::vector<Row>& rows) {
    std::string head = "| variant | changes | seeds |", rule = "|---|---|---|";
    for (const Column& column : kColumns) {
        head.append(" ").append(column.name).append(" |");
        rule += "---|";
    }
    std::string text = head + "\n" + rule + "\n";
    const auto add = [&](const std::string& name, const std::string& what, const Row& of, bool floor) {
        text.append("| ")
            .append(name)
            .append(" | ")
            .append(what)
            .append(" | ")
            .append(std::to_string(of.figures.size()))
            .append(" |");
        for (const Column& column : kColumns)
            text.append(" ").append(cell_text(of, column.key, floor)).append(" |");
        text += "\n";
    };
    if (!rows.empty()) add("floor", "real cells", rows.front(), true);
    for (const Row& row : rows) add(row.variant.name, row.variant.what, row, false);
    return text;
}

std::string csv(const std::vector<Row>& rows) {
    std::string text = "variant,seed";
    for (const Column& column : kColumns)
        text.append(",").append(column.key).append(",").append(column.key).append("_floor");
    text += "\n";
    for (const Row& row : rows)
        for (const auto& [seed, result] : row.figures) {
            text.append(row.variant.name).append(",").append(std::to_string(seed));
            for (const Column& column : kColumns) {
                const Figure& figure = result.figure(column.key);
                for (const auto& mean : {figure.generated.mean, figure.floor.mean}) {
                    char number[32] = "";
                    if (mean) std::snprintf(number, sizeof number, "%.6g", *mean);
                    text.append(",").append(number);
                }
            }
            text += "\n";
        }
    return text;
}

}  // namespace

bool AblationVariant::shares_model() const {
    return !settings.empty() && std::all_of(settings.begin(), settings.end(), [](const auto& setting) {
        return setting.first.starts_with("generate.");
    });
}

const std::vector<AblationVariant>& ablation_variants() {
    static const std::vector<AblationVariant> variants{
        {"base", "nothing", {}},
        {"no_encodings", "no positional encodings", {{"prepare.encodings", "0"}}},
        {"no_graph", "no graph in the encoder (K = 1)", {{"model.cheb_order", "1"}}},
        {"no_graph_no_encodings", "neither", {{"model.cheb_order", "1"}, {"prepare.encodings", "0"}}},
        {"all_genes",
         "the encoder sees all genes, not the 4,000 most variable",
         {{"model.encoder_genes", "0"}}},
        {"genes_2000", "the encoder sees the 2,000 most variable genes", {{"model.encoder_genes", "2000"}}},
        {"latent_means",
         "posterior means decoded and diffused, as LapDDPM's code does",
         {{"model.latent_noise", "false"}}},
        {"cheb_2", "K = 2", {{"model.cheb_order", "2"}}},
        {"no_perturbation", "edge weights 1", {{"train.perturb", "false"}}},
        {"random_perturbation",
         "random edge weights as large as the spectral ones",
         {{"train.epsilon", "0"}, {"train.alpha_min", "0.05"}, {"train.alpha_max", "0.15"}}},
        {"strong_perturbation", "five times the spectral perturbation", {{"train.epsilon", "0.5"}}},
        {"cluster_batches",
         "a step sees 8 of 64 METIS clusters, not the whole graph",
         {{"train.batch", "cluster"}, {"train.active_clusters", "8"}, {"prepare.clusters", "64"}}},
        {"absolute_rates",
         "rates as the paper has them, no library",
         {{"model.library", "absolute"}, {"model.library_model", "per_label"}}},
        {"library_per_label",
         "library drawn from training cells, not diffused",
         {{"model.library_model", "per_label"}}},
        {"poisson", "Poisson likelihood", {{"model.likelihood", "poisson"}}},
        {"gene_dispersion", "one dispersion a gene, whatever the label", {{"model.dispersion", "gene"}}},
        {"kl_0.05", "w_KL = 0.05", {{"train.w_kl", "0.05"}}},
        {"kl_0.5", "w_KL = 0.5", {{"train.w_kl", "0.5"}}},
        {"kl_1", "w_KL = 1", {{"train.w_kl", "1"}}},
        {"kl_2.1", "w_KL = 2.1, the authors' on PBMC3K", {{"train.w_kl", "2.1"}}},
        {"learnable_weights", "learnt loss weights", {{"train.learnable_weights", "true"}}},
        {"joint_gradient", "the diffusion loss shapes the encoder", {{"train.joint_gradient", "true"}}},
        {"no_mask", "no masking", {{"train.mask_fraction", "0"}}},
        {"mask_0.3", "30 % masked", {{"train.mask_fraction", "0.3"}}},
        {"k_5", "5 neighbours", {{"prepare.k", "5"}}},
        {"k_50", "50 neighbours", {{"prepare.k", "50"}}},
        {"pcs_20", "20 principal components", {{"prepare.pca_components", "20"}}},
        {"pcs_100", "100 principal components", {{"prepare.pca_components", "100"}}},
        {"uniform_times", "times uniform in t, as published", {{"train.times", "uniform_t"}}},
        {"steps_5", "5 solver steps", {{"generate.steps", "5"}}},
        {"steps_100", "100 solver steps", {{"generate.steps", "100"}}},
        {"euler_maruyama",
         "1,000 steps of Euler-Maruyama, as published",
         {{"generate.solver", "euler_maruyama"}, {"generate.steps", "1000"}}},
        {"guidance_0.5", "guidance 0.5", {{"generate.guidance", "0.5"}}},
        {"guidance_2", "guidance 2", {{"generate.guidance", "2"}}},
    };
    return variants;
}

std::string ablate(const std::shared_ptr<const Backend>& backend, const Config& config,
                   const std::filesystem::path& dir, Log& log) {
    const Communicator& comm = backend->comm();
    const std::vector<AblationVariant> variants = chosen_variants(config.ablate.variants);
    for (const AblationVariant& variant : variants) check_config(part_of(config, variant, 0, dir).config);
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        std::error_code error;
        std::filesystem::create_directories(dir, error);
        if (error) throw InputError(dir.string() + ": cannot be made (" + error.message() + ")");
    });
    std::string table;
    for (const AblationVariant& variant : variants) {
        for (std::int64_t seed = 0; seed < config.ablate.seeds; ++seed)
            run_part(backend, part_of(config, variant, seed, dir), log);
        table = agreed(comm, [&] {
            if (!comm.is_root()) return std::string();
            const std::vector<Row> rows = find_rows(config, dir);
            std::string text = markdown(rows);
            write_whole_file(dir / "ablation.md", text);
            write_whole_file(dir / "ablation.csv", csv(rows));
            return text;
        });
    }
    return table;
}

}  // namespace lapatlas
