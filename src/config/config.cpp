#include "src/config/config.hpp"

#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
#include <toml.hpp>

#include "dist/error.hpp"
#include "src/config/derived.hpp"
#include "src/config/text_list.hpp"
#include "src/io/near_names.hpp"

namespace lapatlas {

namespace {

// One visitor a purpose; each sees every section and every key once.

std::string toml_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else
            out += c;
    }
    return out + "\"";
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(const std::string& value) { return value; }
std::string text_of(double value) {
    std::string shortest = number_text(value);
    // TOML tells a float from an integer by its point or exponent.
    if (shortest.find_first_of(".en") == std::string::npos) shortest += ".0";
    return shortest;
}

void check_choice(const std::string& name, const std::string& value, Choices choices) {
    if (choices.size() == 0) return;
    std::vector<std::string> names(choices.begin(), choices.end());
    for (const std::string& choice : names)
        if (choice == value) return;
    throw ConfigError(name + ": '" + value + "' is not a choice" + suggest_names(value, names));
}

/// Visits fields as (section.key, value, comment, choices).
template <class Field>
struct FieldVisitor {
    Field field;
    std::string section_name;

    template <class Options>
    void section(const char* name, const char*, Options& options) {
        section_name = name;
        options.describe(*this);
    }
    template <class T>
    void operator()(const char* key, T& value, const char* comment, Choices choices = {}) {
        field(section_name, key, value, comment, choices);
    }
};

template <class Field>
void for_each_field(Config& config, Field field) {
    FieldVisitor<Field> visitor{std::move(field), {}};
    config.describe(visitor);
}

std::vector<std::string> all_names(Config& config) {
    std::vector<std::string> names;
    for_each_field(config, [&](const std::string& section, const char* key, auto&, const char*, Choices) {
        names.push_back(section + "." + key);
    });
    return names;
}

void assign(const std::string& name, const std::string& text, std::string& value) {
    (void)name, value = text;
}
void assign(const std::string& name, const std::string& text, bool& value) {
    if (text != "true" && text != "false") throw ConfigError(name + ": '" + text + "' is not true or false");
    value = text == "true";
}
template <class Number>
void assign_number(const std::string& name, const std::string& text, Number& value, const char* what) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw ConfigError(name + ": '" + text + "' is not " + what);
}
void assign(const std::string& name, const std::string& text, std::int64_t& value) {
    assign_number(name, text, value, "a whole number");
}
void assign(const std::string& name, const std::string& text, double& value) {
    assign_number(name, text, value, "a number");
}

void assign(const std::string& name, const toml::value& from, std::string& value) {
    if (!from.is_string()) throw ConfigError(name + ": expected text in quotes");
    value = from.as_string().str;
}
void assign(const std::string& name, const toml::value& from, bool& value) {
    if (!from.is_boolean()) throw ConfigError(name + ": expected true or false");
    value = from.as_boolean();
}
void assign(const std::string& name, const toml::value& from, std::int64_t& value) {
    if (!from.is_integer()) throw ConfigError(name + ": expected a whole number");
    value = from.as_integer();
}
void assign(const std::string& name, const toml::value& from, double& value) {
    if (from.is_floating())
        value = from.as_floating();
    else if (from.is_integer())
        value = static_cast<double>(from.as_integer());
    else
        throw ConfigError(name + ": expected a number");
}

Config config_of(const toml::value& root, const std::string& file) {
    Config config;
    const std::vector<std::string> known = all_names(config);
    // Not structured bindings: clang 14 does not let a lambda see them.
    for (const auto& entry : root.as_table()) {
        const std::string& section = entry.first;
        const toml::value& table = entry.second;
        if (!table.is_table()) {
            throw ConfigError(file + ": '" + section + "' stands outside a section" +
                              suggest_names(section, known));
        }
        for (const auto& item : table.as_table()) {
            const std::string& key = item.first;
            const toml::value& value = item.second;
            const std::string name = section + "." + key;
            bool found = false;
            for_each_field(
                config, [&](const std::string& s, const char* k, auto& field, const char*, Choices choices) {
                    if (s != section || k != key) return;
                    found = true;
                    assign(file + ": " + name, value, field);
                    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>)
                        check_choice(file + ": " + name, field, choices);
                });
            if (!found) throw ConfigError(file + ": unknown key '" + name + "'" + suggest_names(name, known));
        }
    }
    return config;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Config parse_config(const std::string& text, const std::string& name) {
    std::istringstream stream(text);
    try {
        return config_of(toml::parse(stream, name), name);
    } catch (const toml::exception& error) {
        throw ConfigError(name + ", line " + std::to_string(error.location().line()) + ": not valid TOML (" +
                          first_line(error.what()) + ")");
    }
}

Config read_config(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path))
        throw ConfigError(path.string() + ": is a directory, expected a TOML file");
    std::ifstream file(path);
    if (!file) throw ConfigError(path.string() + ": no such configuration file");
    std::ostringstream text;
    text << file.rdbuf();
    return parse_config(text.str(), path.string());
}

void set_option(Config& config, const std::string& name, const std::string& value) {
    bool found = false;
    for_each_field(
        config, [&](const std::string& section, const char* key, auto& field, const char*, Choices choices) {
            if (section + "." + key != name) return;
            found = true;
            assign("--" + name, value, field);
            if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>)
                check_choice("--" + name, field, choices);
        });
    if (!found) throw ConfigError("unknown option '--" + name + "'" + suggest_names(name, all_names(config)));
}

std::string dump_config(const Config& config) {
    Config copy = config;
    std::string text;
    std::string current;
    for_each_field(copy, [&](const std::string& section, const char* key, auto& field, const char* comment,
                             Choices choices) {
        if (section != current) text += (current.empty() ? "[" : "\n[") + section + "]\n";
        current = section;
        text += std::string("# ") + comment;
        if (choices.size() > 0) {
            text += " (";
            for (const char* choice : choices)
                text += std::string(choice == *choices.begin() ? "" : " | ") + choice;
            text += ")";
        }
        text += std::string("\n") + key + " = ";
        if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>)
            text += toml_text(field);
        else
            text += text_of(field);
        text += "\n";
    });
    return text;
}

std::vector<std::pair<std::string, std::string>> list_options(const Config& config) {
    Config copy = config;
    std::vector<std::pair<std::string, std::string>> options;
    for_each_field(copy, [&](const std::string& section, const char* key, auto& field, const char*, Choices) {
        options.emplace_back(section + "." + key, text_of(field));
    });
    return options;
}

void check_config(const Config& config) {
    const auto at_least = [](const char* name, double value, double least) {
        if (value >= least && std::isfinite(value)) return;
        const auto plain = [](double number) {
            std::ostringstream text;
            text << number;
            return text.str();
        };
        throw ConfigError(std::string(name) + " is " + plain(value) + ", it must be at least " +
                          plain(least));
    };
    const auto share = [](const char* name, double value) {
        if (!(value >= 0 && value < 1))
            throw ConfigError(std::string(name) + " is " + text_of(value) +
                              ", it must be at least 0 and below 1");
    };
    share("input.test_fraction", config.input.test_fraction);
    share("input.validation_fraction", config.input.validation_fraction);
    at_least("runtime.threads", static_cast<double>(config.runtime.threads), 0);
    at_least("runtime.exchange_timeout", config.runtime.exchange_timeout, 1);
    at_least("runtime.heartbeat_timeout", config.runtime.heartbeat_timeout, 0);
    at_least("runtime.memory", config.runtime.memory, 0);
    at_least("runtime.stop_before", config.runtime.stop_before, 0);
    at_least("runtime.stripe_count", static_cast<double>(config.runtime.stripe_count), -1);
    at_least("runtime.stripe_mib", config.runtime.stripe_mib, 1.0 / 16);
    at_least("train.keep_checkpoints", static_cast<double>(config.train.keep_checkpoints), 1);
    at_least("simulate.cells", static_cast<double>(config.simulate.cells), 1);
    at_least("simulate.genes", static_cast<double>(config.simulate.genes), 1);
    at_least("simulate.types", static_cast<double>(config.simulate.types), 1);
    at_least("simulate.batches", static_cast<double>(config.simulate.batches), 1);
    at_least("simulate.median_counts", config.simulate.median_counts, 1);
    share("simulate.label_missing_fraction", config.simulate.label_missing_fraction);
    if (config.simulate.dice_setup < 0 || config.simulate.dice_setup > 4)
        throw ConfigError("simulate.dice_setup is " + std::to_string(config.simulate.dice_setup) +
                          ", it must be from 0 to 4");
    at_least("prepare.min_cells", static_cast<double>(config.prepare.min_cells), 1);
    at_least("prepare.keep_variable_genes", static_cast<double>(config.prepare.keep_variable_genes), 0);
    at_least("prepare.target_sum", config.prepare.target_sum, 1);
    at_least("prepare.pca_components", static_cast<double>(config.prepare.pca_components), 1);
    at_least("prepare.k", static_cast<double>(config.prepare.k), 0);
    at_least("prepare.encodings", static_cast<double>(config.prepare.encodings), 0);
    at_least("prepare.clusters", static_cast<double>(config.prepare.clusters), 0);
    at_least("model.hidden", static_cast<double>(config.model.hidden), 0);
    at_least("model.latent", static_cast<double>(config.model.latent), 0);
    at_least("model.encoder_genes", static_cast<double>(config.model.encoder_genes), 0);
    at_least("model.cheb_order", static_cast<double>(config.model.cheb_order), 1);
    share("model.dropout", config.model.dropout);
    at_least("model.score_width", static_cast<double>(config.model.score_width), 2);
    at_least("model.score_blocks", static_cast<double>(config.model.score_blocks), 1);
    share("model.score_dropout", config.model.score_dropout);
    at_least("model.embedding_width", static_cast<double>(config.model.embedding_width), 0);
    at_least("train.kl_warmup_epochs", config.train.kl_warmup_epochs, 0);
    at_least("train.classification_weight", config.train.classification_weight, 0);
    at_least("model.embedding_layers", static_cast<double>(config.model.embedding_layers), 0);
    at_least("train.embedding_epochs", static_cast<double>(config.train.embedding_epochs), 1);
    at_least("train.embedding_batch", static_cast<double>(config.train.embedding_batch), 2);
    at_least("train.embedding_learning_rate", config.train.embedding_learning_rate, 0);
    if (config.model.embedding != "laplacian" && config.model.library == "absolute")
        throw ConfigError("model.embedding = " + config.model.embedding +
                          " says what share of a cell's counts each gene has: model.library = size_factor");
    if (config.model.embedding != "laplacian")
        for (const auto& [name, is_set] : {std::pair{"train.gene_sample", config.train.gene_sample > 0},
                                           {"train.learnable_weights", config.train.learnable_weights},
                                           {"train.joint_gradient", config.train.joint_gradient}})
            if (is_set)
                throw ConfigError(std::string(name) + " belongs to model.embedding = laplacian; with " +
                                  config.model.embedding + " leave it out");
    const bool is_joint = config.model.embedding == "joint";
    share("train.protein_dropout", config.train.protein_dropout);
    if (is_joint && !config.input.has_proteins())
        throw ConfigError(
            "model.embedding = joint: where are the antibody counts? Name them by input.protein_key or "
            "input.protein_path");
    if (!is_joint && config.input.has_proteins())
        throw ConfigError(
            "input.protein_key and input.protein_path belong to model.embedding = joint; with " +
            config.model.embedding + " leave them out");
    if (!config.input.protein_key.empty() && !config.input.protein_path.empty())
        throw ConfigError("input.protein_key and input.protein_path: give one of them");
    const bool may_inflate =
        is_joint || config.model.embedding == "scanvi" || config.model.embedding == "sctag";
    if (may_inflate && config.model.likelihood == "poisson")
        throw ConfigError("model.likelihood = poisson: " + config.model.embedding +
                          "'s counts are negative_binomial, or zinb as published");
    if (!may_inflate && config.model.likelihood == "zinb")
        throw ConfigError(
            "model.likelihood = zinb belongs to model.embedding = scanvi, sctag or joint; here use "
            "negative_binomial or poisson");
    at_least("model.target_clusters", static_cast<double>(config.model.target_clusters), 0);
    at_least("train.target_epochs", static_cast<double>(config.train.target_epochs), 0);
    at_least("train.w_adjacency", config.train.w_adjacency, 0);
    at_least("train.w_target", config.train.w_target, 0);
    if (config.model.embedding == "sctag" && config.train.target_epochs > config.train.embedding_epochs)
        throw ConfigError("train.target_epochs = " + std::to_string(config.train.target_epochs) +
                          " are the last of train.embedding_epochs = " +
                          std::to_string(config.train.embedding_epochs) + ": there are not so many");
    if (config.model.classifier != "none" && label_column(config).empty())
        throw ConfigError("model.classifier tells labels from latents: name their column by input.label_key");
    at_least("model.classifier_width", static_cast<double>(config.model.classifier_width), 1);
    at_least("train.classifier_epochs", static_cast<double>(config.train.classifier_epochs), 1);
    at_least("train.classifier_patience", static_cast<double>(config.train.classifier_patience), 1);
    at_least("train.classifier_batch", static_cast<double>(config.train.classifier_batch), 1);
    at_least("train.classifier_learning_rate", config.train.classifier_learning_rate, 0);
    if (!(config.train.classifier_dropout >= 0 && config.train.classifier_dropout < 1))
        throw ConfigError("train.classifier_dropout is " + text_of(config.train.classifier_dropout) +
                          ", it must be from 0 to below 1");
    at_least("generate.classifier_guidance", config.generate.classifier_guidance, 0);
    at_least("generate.most_attempts", static_cast<double>(config.generate.most_attempts), 1);
    if (config.model.classifier == "none" &&
        (config.generate.classifier_guidance > 0 || config.generate.keep_predicted))
        throw ConfigError(
            "generate.classifier_guidance and generate.keep_predicted ask a classifier: train with "
            "model.classifier = mlp");
    at_least("model.diffusion_steps", static_cast<double>(config.model.diffusion_steps), 2);
    if (!(config.model.first_beta > 0 && config.model.first_beta <= config.model.last_beta &&
          config.model.last_beta < 1))
        throw ConfigError("model.first_beta is " + text_of(config.model.first_beta) +
                          " and model.last_beta " + text_of(config.model.last_beta) +
                          ": wanted is 0 < first <= last < 1");
    if (has_unet_widths(config.model)) unet_widths(config.model);
    if (config.model.score_network == "scld_unet" && config.model.fusion == "attention" &&
        unet_widths(config.model).front() % 8 != 0)
        throw ConfigError("model.score_widths = \"" + config.model.score_widths +
                          "\": with model.fusion = attention the first is a multiple of 8");
    if (config.model.condition_shift && config.model.diffusion != "ddpm")
        throw ConfigError("model.condition_shift shifts the steps of model.diffusion = ddpm");
    if (!(config.generate.keep_best >= 0.01 && config.generate.keep_best <= 1))
        throw ConfigError("generate.keep_best is " + text_of(config.generate.keep_best) +
                          ", it must be from 0.01 to 1");
    if (config.model.condition == "mean" && label_column(config).empty())
        throw ConfigError(
            "model.condition = mean: cells have no labels; name their column by input.label_key, "
            "or take prepare.communities");
    if (config.generate.keep_best < 1 && config.generate.shards > 0)
        throw ConfigError(
            "generate.keep_best ranks all cells together and writes one file; drop "
            "generate.shards");
    if (config.generate.keep_best < 1 && !config.train.scorer)
        throw ConfigError("generate.keep_best asks a Scorer: train with train.scorer = true");
    at_least("train.scorer_epochs", static_cast<double>(config.train.scorer_epochs), 1);
    if (!(config.prepare.community_resolution > 0))
        throw ConfigError("prepare.community_resolution is " + text_of(config.prepare.community_resolution) +
                          ", it must be above 0");
    if (config.prepare.communities != "none" && !config.input.label_key.empty())
        throw ConfigError("input.label_key = '" + config.input.label_key + "' and prepare.communities = " +
                          config.prepare.communities + " both say what a cell's label is; drop one");
    if (config.generate.solver == "ancestral" && config.model.diffusion != "ddpm")
        throw ConfigError(
            "generate.solver = ancestral goes through the steps of model.diffusion = ddpm; this model's "
            "is continuous: choose dpmpp_2m, ddim or euler_maruyama");
    at_least("model.diffusion_time", config.model.diffusion_time, 0.1);
    at_least("train.joint_epochs", static_cast<double>(config.train.joint_epochs), 0);
    at_least("train.active_clusters", static_cast<double>(config.train.active_clusters), 0);
    at_least("train.loss_cells", static_cast<double>(config.train.loss_cells), 0);
    at_least("train.gene_sample", static_cast<double>(config.train.gene_sample), 0);
    at_least("train.learning_rate", config.train.learning_rate, 0);
    at_least("train.clip_norm", config.train.clip_norm, 1e-6);
    share("train.warmup_fraction", config.train.warmup_fraction);
    share("train.mask_fraction", config.train.mask_fraction);
    share("train.ema_decay", config.train.ema_decay);
    share("train.label_dropout", config.train.label_dropout);
    at_least("train.decode_chunk", static_cast<double>(config.train.decode_chunk), 1);
    const double lightest = config.train.learnable_weights ? 1e-6 : 0;  // the logarithm of 0 is no start
    at_least("train.w_diff", config.train.w_diff, lightest);
    at_least("train.w_kl", config.train.w_kl, lightest);
    at_least("train.w_rec", config.train.w_rec, lightest);
    at_least("train.score_steps", static_cast<double>(config.train.score_steps), -1);
    at_least("train.score_batch", static_cast<double>(config.train.score_batch), 1);
    at_least("train.alpha_min", config.train.alpha_min, 0);
    at_least("train.alpha_max", config.train.alpha_max, config.train.alpha_min);
    at_least("train.epsilon", config.train.epsilon, 0);
    at_least("generate.cells", static_cast<double>(config.generate.cells), 0);
    at_least("generate.steps", static_cast<double>(config.generate.steps), 1);
    at_least("generate.guidance", config.generate.guidance, -1);
    at_least("evaluate.halvings", static_cast<double>(config.evaluate.halvings), 2);
    // Five folds, and each needs a cell of either side.
    at_least("evaluate.min_type_cells", static_cast<double>(config.evaluate.min_type_cells), 5);
    at_least("evaluate.max_cells", static_cast<double>(config.evaluate.max_cells), 10);
    at_least("evaluate.pca_components", static_cast<double>(config.evaluate.pca_components), 1);
    at_least("evaluate.trees", static_cast<double>(config.evaluate.trees), 1);
    at_least("denoise.components", static_cast<double>(config.denoise.components), 0);
    at_least("denoise.largest_value", config.denoise.largest_value, 0);
    at_least("denoise.width", static_cast<double>(config.denoise.width), 1);
    at_least("denoise.blocks", static_cast<double>(config.denoise.blocks), 1);
    at_least("denoise.epochs", static_cast<double>(config.denoise.epochs), 1);
    at_least("denoise.batch", static_cast<double>(config.denoise.batch), 2);
    at_least("denoise.learning_rate", config.denoise.learning_rate, 0);
    at_least("denoise.weight_decay", config.denoise.weight_decay, 0);
    if (!(config.denoise.mixup >= 0 && config.denoise.mixup <= 1))
        throw ConfigError("denoise.mixup is " + text_of(config.denoise.mixup) + ", it must be from 0 to 1");
    at_least("denoise.diffusion_steps", static_cast<double>(config.denoise.diffusion_steps), 2);
    at_least("denoise.rho", config.denoise.rho, 1e-6);
    at_least("denoise.last_rho", config.denoise.last_rho, 1e-6);
    if (config.denoise.likelihood != "gaussian" && config.input.values == "as_given")
        throw ConfigError("denoise.likelihood = \"" + config.denoise.likelihood +
                          "\" is one of counts, and input.values = \"as_given\" says that there are none");
    if (config.denoise.align_batches && config.denoise.likelihood != "gaussian")
        throw ConfigError("denoise.align_batches moves latents, of which denoise.likelihood = \"" +
                          config.denoise.likelihood + "\" knows nothing: take \"gaussian\"");
    at_least("denoise.noise", config.denoise.noise, 1e-6);
    at_least("denoise.iterations", static_cast<double>(config.denoise.iterations), 1);
    at_least("denoise.prior_steps", static_cast<double>(config.denoise.prior_steps), 0);
    at_least("denoise.repeats", static_cast<double>(config.denoise.repeats), 1);
    at_least("denoise.neighbours", static_cast<double>(config.denoise.neighbours), 1);
    at_least("plan.cells", static_cast<double>(config.plan.cells), 0);
    at_least("plan.genes", static_cast<double>(config.plan.genes), 0);
    at_least("plan.genes_a_cell", static_cast<double>(config.plan.genes_a_cell), 0);
    at_least("plan.ranks", static_cast<double>(config.plan.ranks), 0);
    at_least("plan.ranks_a_node", static_cast<double>(config.plan.ranks_a_node), 0);
    for (const std::int64_t ranks : {config.plan.ranks, config.plan.ranks_a_node})
        if (ranks > 1000000)
            throw ConfigError("plan.ranks or plan.ranks_a_node is " + std::to_string(ranks) +
                              ", it must be at most 1000000");
    at_least("ablate.seeds", static_cast<double>(config.ablate.seeds), 1);
    if (config.model.library_model == "joint" && config.model.library != "size_factor")
        throw ConfigError(
            "model.library_model = joint needs model.library = size_factor: absolute rates have no library; "
            "set model.library_model = per_label with them");
    if (!config.input.split_key.empty() && !config.input.split_group_key.empty())
        throw ConfigError(
            "input.split_key and input.split_group_key: give one; a split that is given already "
            "says where each group's cells go");
    at_least("generate.library_size", config.generate.library_size, 0);
    if (config.generate.library_size > 0 && config.model.library != "size_factor")
        throw ConfigError(
            "generate.library_size needs model.library = size_factor: absolute rates have no library");
    if (config.input.batch_from_file && !config.input.batch_key.empty())
        throw ConfigError("input.batch_from_file and input.batch_key = " + config.input.batch_key +
                          ": a cell has one batch; leave one of them out");
    std::vector<std::string> columns = split_text(config.input.covariate_keys, ',');
    columns.insert(columns.end(), {config.input.label_key, config.input.batch_column()});
    for (const std::string& key : columns)
        for (const char* ours : {"library_size", "manifold_distance", "extrapolation", "attempts",
                                 "predicted", "score", "synthetic"})
            if (key == ours)
                throw ConfigError("'" + key +
                                  "' (input.label_key, batch_key or covariate_keys): generated cells have "
                                  "an obs column of this name with another meaning; rename yours");
    if (!config.input.covariate_keys.empty()) {
        std::vector<std::string> keys = split_text(config.input.covariate_keys, ',');
        std::sort(keys.begin(), keys.end());
        for (const std::string& key : keys)
            if (key.empty() || key == config.input.label_key || key == config.input.batch_column() ||
                std::count(keys.begin(), keys.end(), key) > 1)
                throw ConfigError(
                    "input.covariate_keys = '" + config.input.covariate_keys + "': " +
                    (key.empty() ? "an empty name"
                                 : "'" + key + "' is named twice, or is input.label_key or input.batch_key"));
        if (config.input.batch_from_file)
            throw ConfigError("input.covariate_keys takes one .h5ad file; drop input.batch_from_file");
    }
    at_least("robustness.modes", static_cast<double>(config.robustness.modes), 1);
    at_least("train.perturb_modes", static_cast<double>(config.train.perturb_modes), 1);
    share("train.local_edits", config.train.local_edits);
    share("train.covariate_dropout", config.train.covariate_dropout);
    if (!config.input.label_key.empty() && config.input.batch_column() == config.input.label_key)
        throw ConfigError("input.batch_key and input.label_key are both '" + config.input.label_key +
                          "'; a batch is not a type");
    if (config.generate.shards < 0 || config.generate.shards > 99'999)
        throw ConfigError("generate.shards = " + std::to_string(config.generate.shards) +
                          ": must be in 0 .. 99999");
    if (config.generate.gzip_level < 0 || config.generate.gzip_level > 9)
        throw ConfigError("generate.gzip_level is " + std::to_string(config.generate.gzip_level) +
                          ", it must be 0 to 9");
}

}  // namespace lapatlas
