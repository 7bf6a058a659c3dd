#include "src/ablate.hpp"

#include <algorithm>
#include <cstdio>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/config/text_list.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate_run.hpp"
#include "src/generate/generate.hpp"
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
    {"pooled_rf_auc", "RF AUC, pooled"},   {"conditional_rf_auc", "RF AUC, within types"},
    {"joint_rf_auc", "RF AUC, joint"},     {"pooled_knn_auc", "kNN AUC, pooled"},
    {"pooled_w2", "W2, pooled"},           {"conditional_w2", "W2, within types"},
    {"label_accuracy", "label agreement"}, {"nearest_training_ratio", "nearest-training ratio"},
    {"membership_auc", "membership AUC"},  {"library_ks", "library KS"},
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

/// One figure of all seeds that are done; `floor` of real cells instead.
std::string cell_text(const std::vector<EvaluationResult>& results, const char* key, bool floor) {
    std::vector<double> values;
    for (const EvaluationResult& result : results) {
        const Figure& figure = result.figure(key);
        if (const auto& mean = (floor ? figure.floor : figure.generated).mean) values.push_back(*mean);
    }
    return spread_text(spread_of(values));
}

using Results = std::vector<std::pair<AblationVariant, std::vector<EvaluationResult>>>;

std::string markdown(const Results& results) {
    std::string head = "| variant | changes | seeds |", rule = "|---|---|---|";
    for (const Column& column : kColumns) {
        head.append(" ").append(column.name).append(" |");
        rule += "---|";
    }
    std::string text = head + "\n" + rule + "\n";
    const auto row = [&](const std::string& name, const std::string& what,
                         const std::vector<EvaluationResult>& of, bool floor) {
        text.append("| ")
            .append(name)
            .append(" | ")
            .append(what)
            .append(" | ")
            .append(std::to_string(of.size()))
            .append(" |");
        for (const Column& column : kColumns)
            text.append(" ").append(cell_text(of, column.key, floor)).append(" |");
        text += "\n";
    };
    if (!results.empty()) row("floor", "real cells", results.front().second, true);
    for (const auto& [variant, of] : results) row(variant.name, variant.what, of, false);
    return text;
}

std::string csv(const Results& results) {
    std::string text = "variant,seed";
    for (const Column& column : kColumns)
        text.append(",").append(column.key).append(",").append(column.key).append("_floor");
    text += "\n";
    for (const auto& [variant, of] : results)
        for (std::size_t seed = 0; seed < of.size(); ++seed) {
            text.append(variant.name).append(",").append(std::to_string(seed));
            for (const Column& column : kColumns) {
                const Figure& figure = of[seed].figure(column.key);
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

/// Collective. The run of one variant and seed, as far as it is not there.
EvaluationResult run_one(const Communicator& comm, const Config& given, const AblationVariant& variant,
                         std::int64_t seed, const std::filesystem::path& dir, Log& log) {
    Config config = given;
    for (const auto& [name, value] : variant.settings) set_option(config, name, value);
    config.runtime.seed = given.runtime.seed + seed;
    check_config(config);
    const std::filesystem::path folder = dir / variant.name / std::to_string(seed);
    log.stage("ablation: " + variant.name + ", seed " + std::to_string(config.runtime.seed));
    if (!variant.shares_model()) {
        config.output.dir = folder.string();
        run_pipeline(comm, config, log);
        return agreed(comm, [&] { return read_evaluation_json(RunFolder{folder}.evaluation()); });
    }
    const RunFolder base{dir / ablation_variants().front().name / std::to_string(seed)};
    config.output.dir = base.dir.string();
    config = derived_for(comm, base, config);
    const RunFolder own{folder};
    const bool is_done = root_decides(comm, [&] {
        return std::filesystem::exists(own.evaluation()) && std::filesystem::exists(own.atlas()) &&
               is_evaluated(own, config);
    });
    if (is_done) return agreed(comm, [&] { return read_evaluation_json(own.evaluation()); });
    agreed(comm, [&] {
        if (comm.is_root()) std::filesystem::create_directories(folder);
    });
    generate(comm, config, base.checkpoint(), own.atlas(), provenance_of(comm, config, "generate"), log);
    return evaluate_run(comm, config, base, own.atlas(), own.evaluation(), log);
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

std::string ablate(const Communicator& comm, const Config& config, const std::filesystem::path& dir,
                   Log& log) {
    const std::vector<AblationVariant> variants = chosen_variants(config.ablate.variants);
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        std::error_code error;
        std::filesystem::create_directories(dir, error);
        if (error) throw InputError(dir.string() + ": cannot be made (" + error.message() + ")");
    });
    Results results;
    for (const AblationVariant& variant : variants) {
        results.emplace_back(variant, std::vector<EvaluationResult>{});
        for (std::int64_t seed = 0; seed < config.ablate.seeds; ++seed)
            results.back().second.push_back(run_one(comm, config, variant, seed, dir, log));
        agreed(comm, [&] {
            if (!comm.is_root()) return;
            write_whole_file(dir / "ablation.md", markdown(results));
            write_whole_file(dir / "ablation.csv", csv(results));
        });
    }
    return markdown(results);
}

}  // namespace lapatlas
