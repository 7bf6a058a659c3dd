#include "launch/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "dist/error.hpp"
#include "launch/version.hpp"
#include "src/config/config.hpp"
#include "src/io/atlas_files.hpp"
#include "src/io/input_files.hpp"
#include "src/io/near_names.hpp"

namespace lapatlas {

namespace {

struct Subcommand {
    const char* name;
    const char* what;
    const char* target;
};

constexpr Subcommand kSubcommands[] = {
    {"run",
     "the whole flow: prepare, train, generate, evaluate, report; goes on where an earlier run stopped",
     "CONFIG.toml"},
    {"simulate", "write a simulated atlas", "CONFIG.toml"},
    {"prepare", "counts to graph: filter, PCA, neighbours, METIS clusters, positional encodings",
     "CONFIG.toml"},
    {"train", "train encoder, decoder and ScoreNet", "CONFIG.toml or run folder"},
    {"generate", "write synthetic cells as .h5ad", "run folder"},
    {"evaluate", "compare synthetic with held-out real cells", "run folder, or .h5ad of synthetic cells"},
    {"report", "write the HTML page", "run folder"},
    {"embed", "map other cells into a trained model's latent space", "run folder"},
    {"denoise", "latents of noisy cells, denoised by a prior learned from a reference (DICE)", "CONFIG.toml"},
    {"sensitivity", "figures of denoise over values of rho and numbers of components", "CONFIG.toml"},
    {"robustness", "what attacks on the graph do to a trained run", "run folder"},
    {"ablate", "train and evaluate variants of a configuration, and set them side by side", "CONFIG.toml"},
    {"plan", "memory, disk and time that a configuration will need, and how to ask SLURM for them",
     "CONFIG.toml or run folder"},
    {"status", "say what a run is at: stage, progress, time left, last checkpoint, job", "run folder"},
    {"inspect", "print what a run's folder, prepared dataset or checkpoint holds", "run folder or file"},
};

/// "--section.key=value" or "--section.key value" for every option not known to the subcommand.
void apply_overrides(const std::vector<std::string>& extras, Config& config) {
    for (std::size_t i = 0; i < extras.size(); ++i) {
        const std::string& word = extras[i];
        if (!word.starts_with("--") || word.find('.') == std::string::npos)
            throw ConfigError("unexpected '" + word +
                              "'; options are those of --help, and --section.key=value (see --dump-config)");
        const std::size_t equals = word.find('=');
        if (equals != std::string::npos) {
            set_option(config, word.substr(2, equals - 2), word.substr(equals + 1));
        } else {
            if (i + 1 == extras.size()) throw ConfigError("'" + word + "' needs a value: " + word + "=...");
            set_option(config, word.substr(2), extras[++i]);
        }
    }
}

/// The configuration that `target` stands for: a TOML file, or a run's folder, whose own it then is.
Config config_of_target(const std::string& target) {
    if (target.empty()) return {};
    if (target.ends_with(".h5ad") || target.ends_with(".h5"))
        throw ConfigError(target + ": data are given as --input.path=" + target +
                          ", the argument is a configuration file or a run's folder");
    if (!std::filesystem::exists(target))
        throw ConfigError(target + ": no such configuration file or run's folder");
    if (!std::filesystem::is_directory(target)) return read_config(target);
    const std::filesystem::path inside = std::filesystem::path(target) / "config.toml";
    if (!std::filesystem::exists(inside))
        throw ConfigError(target + ": not a run's folder (no config.toml in it)");
    Config config = read_config(inside);
    config.output.dir = target;
    return config;
}

/// `evaluate FILE.h5ad --reference REAL.h5ad` and `evaluate FILE.h5ad --prepared RUN`: the file is what is
/// evaluated, and the target becomes the run, or nothing.
void settle_evaluation_target(const std::string& prepared, CommandLine& out) {
    const bool is_file = out.target.ends_with(".h5ad") || is_shard_index(out.target);
    if (!is_file) {
        if (!out.reference.empty() || !prepared.empty())
            throw ConfigError(
                "--reference and --prepared go with a file: lapatlas evaluate FILE.h5ad --reference "
                "REAL.h5ad");
        return;
    }
    if (!out.generated.empty())
        throw ConfigError("the target " + out.target + " is what is evaluated: drop --generated");
    if (out.reference.empty() == prepared.empty())
        throw ConfigError("against what? lapatlas evaluate " + out.target +
                          " --reference REAL.h5ad, or --prepared RUN_FOLDER (one of the two)");
    out.generated = out.target;
    out.target =
        prepared.ends_with("prepared.h5") ? std::filesystem::path(prepared).parent_path().string() : prepared;
    if (!prepared.empty() && out.target.empty()) out.target = ".";
}

}  // namespace

int parse_command_line(int argc, char** argv, bool prints, CommandLine& out) {
    CLI::App app("Learns the cells of a single-cell atlas and makes new ones.", "lapatlas");
    app.require_subcommand(0, 1);
    bool version = false;
    app.add_flag("--version", version, "versions of everything linked, and what is on");
    std::optional<std::int64_t> cells, threads;
    std::string counts, like, batch, prepared, embedded, query, device;
    bool denoised = false;
    for (const Subcommand& sub : kSubcommands) {
        CLI::App* command = app.add_subcommand(sub.name, sub.what);
        command->allow_extras();
        command->footer(
            "Any option of the configuration may follow as --section.key=value; --dump-config lists them.");
        const std::string name = sub.name;
        if (name == "inspect") {
            command->add_option("target", out.target, sub.target)->required();
            command->add_option("--parts", out.parts, "number of ranks to show the partition for")
                ->check(CLI::Range(1, 1000000));
        } else {
            command->add_option("target", out.target, sub.target)->required(name == "status");
        }
        command->add_flag("--dump-config", out.dump_config, "print the full configuration as TOML and stop");
        command->add_flag("--quiet", out.quiet, "warnings and errors only");
        command->add_option("--log-json", out.log_json, "append the log as JSON lines to this file");
        command->add_option("--threads", threads, "threads a rank (runtime.threads)");
        if (name == "run" || name == "prepare" || name == "plan" || name == "train" || name == "generate" ||
            name == "ablate" || name == "denoise" || name == "sensitivity")
            command->add_option("--device", device, "auto, cpu or cuda (runtime.device)");
        if (name == "generate") {
            command->add_option("--cells", cells, "number of cells (generate.cells)");
            command->add_option("--counts", counts,
                                "cells of each type: type=n,type=n or a file (generate.counts)");
        }
        if (name == "embed") {
            command->add_option("--input", embedded, "counts of the cells to embed (embed.path)");
            command->add_flag("--denoised", denoised, "also write expected counts (embed.denoised)");
        }
        if (name == "denoise" || name == "sensitivity")
            command->add_option("--query", query, "cells to denoise (denoise.query)");
        if (name == "simulate")
            command->add_option("--output", out.output, ".h5ad to write (default simulated.h5ad)");
        if (name == "generate" || name == "evaluate" || name == "report" || name == "embed" ||
            name == "denoise")
            command->add_option("--output", out.output,
                                "file to write instead of the one in the run's folder");
        if (name == "generate") {
            command->add_option("--like", like, "mirror the types and batches of this .h5ad (generate.like)");
            command->add_option("--batch", batch, "batch to imitate (generate.batch)");
        }
        if (name == "evaluate") {
            command->add_option(
                "--generated", out.generated,
                ".h5ad to evaluate instead of the run's; its figures go to FILE.evaluation.json beside it");
            command->add_option("--reference", out.reference,
                                "with FILE.h5ad as target: the .h5ad of real cells to hold it against");
            command->add_option("--prepared", prepared,
                                "with FILE.h5ad as target: the run whose test cells to hold it against");
        }
    }
    if (argc > 1 && argv[1][0] != '-') {
        std::vector<std::string> names;
        for (const Subcommand& sub : kSubcommands) names.emplace_back(sub.name);
        if (std::find(names.begin(), names.end(), argv[1]) == names.end())
            throw ConfigError("no subcommand '" + std::string(argv[1]) + "'" + suggest_names(argv[1], names));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        if (prints) app.exit(success);
        return 0;
    } catch (const CLI::ParseError& error) {
        throw ConfigError(std::string(error.what()) + "; see lapatlas --help");
    }
    if (version) {
        if (prints) std::cout << version_text();
        return 0;
    }
    if (app.get_subcommands().empty()) {
        if (prints) std::cout << app.help();
        return 0;
    }
    CLI::App* chosen = app.get_subcommands().front();
    out.subcommand = chosen->get_name();
    for (const char* name : {"generate", "evaluate", "report", "embed", "robustness"})
        if (out.subcommand == name && out.target.empty())
            throw ConfigError("which run? lapatlas " + out.subcommand + " RUN_FOLDER");
    if (out.subcommand == "evaluate") settle_evaluation_target(prepared, out);
    if (out.subcommand != "inspect" && out.subcommand != "status") out.config = config_of_target(out.target);
    if (!out.reference.empty()) out.config.input.path = out.reference;
    apply_overrides(chosen->remaining(), out.config);
    // Each says how many cells of what: one on the command line takes the place of all that the run's
    // configuration says.
    if (cells || !counts.empty() || !like.empty()) {
        out.config.generate.cells = cells.value_or(0);
        out.config.generate.counts = counts;
        out.config.generate.like = like;
    }
    if (!batch.empty()) out.config.generate.batch = batch;
    if (!query.empty()) out.config.denoise.query = query;
    if (!embedded.empty()) out.config.embed.path = embedded;
    if (denoised) out.config.embed.denoised = true;
    if (threads) out.config.runtime.threads = *threads;
    if (!device.empty()) out.config.runtime.device = device;
    check_config(out.config);
    if (out.dump_config) {
        if (prints) std::cout << dump_config(out.config);
        return 0;
    }
    // What is written down must hold from any folder.
    for (std::string* path : {&out.config.input.path, &out.config.input.protein_path,
                              &out.config.generate.like, &out.config.embed.path, &out.config.denoise.query})
        *path = absolute_input(*path);
    return -1;
}

}  // namespace lapatlas
