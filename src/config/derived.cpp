#include "src/config/derived.hpp"

#include <algorithm>
#include <cmath>

#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/config/text_list.hpp"

namespace lapatlas {

namespace {

// Up to this many training cells every step's encoder sees the whole graph: it learns more a step than from
// parts of the graph, where a cell's neighbours come and go.
constexpr double kWholeGraph = 4000;
// Beyond it METIS clusters of about this many cells are active in turns.
constexpr double kCellsACluster = 256;

template <class T>
void fill(T& option, T unset, double value) {
    if (option == unset) option = static_cast<T>(std::llround(value));
}

double published_latent(const ModelOptions& options, double cells) {
    if (options.embedding == "autoencoder") return 128;
    if (options.embedding == "scanvi") return 10;
    if (options.embedding == "sctag") return 15;
    if (options.embedding == "joint") return 20;
    if (options.embedding == "pca") return 50;
    return cells < 500000 ? 32 : 64;
}

}  // namespace

Config derive_from_size(Config config, const DataSize& size) {
    const double cells = std::max<double>(1, static_cast<double>(size.training_cells));
    const double loss_cells =
        config.train.loss_cells > 0 ? static_cast<double>(config.train.loss_cells) : cells;
    fill<std::int64_t>(config.prepare.k, 0, std::clamp(15 + 5 * std::log10(cells / 10000), 10.0, 30.0));
    fill<std::int64_t>(config.prepare.clusters, 0, std::max(64.0, cells / kCellsACluster));
    config.prepare.clusters =
        std::min(config.prepare.clusters, std::max<std::int64_t>(1, size.training_cells));
    fill<std::int64_t>(config.model.hidden, 0, cells < 20000 ? 128 : cells < 500000 ? 256 : 512);
    const bool autoencoder = config.model.embedding == "autoencoder",
               joint = config.model.embedding == "joint";
    fill<std::int64_t>(config.model.latent, 0, published_latent(config.model, cells));
    fill<std::int64_t>(config.model.embedding_width, 0, autoencoder ? 1024 : joint ? 256 : 128);
    fill<std::int64_t>(config.model.embedding_layers, 0, autoencoder ? 3 : 1);
    // Steps grow as the root of the cells: twice the steps for four times the cells.
    const double growth = std::sqrt(cells / 2000);
    const double steps = 2400 * std::clamp(growth, 0.5, 50.0);
    fill<std::int64_t>(config.train.joint_epochs, 0, std::max(1.0, steps * loss_cells / cells));
    fill<std::int64_t>(config.train.score_steps, -1, 2000 * std::clamp(growth, 0.5, 50.0));
    if (config.train.batch == "auto") config.train.batch = cells <= kWholeGraph ? "full" : "cluster";
    return config;
}

std::string difference(const Config& given, const Config& derived) {
    std::string text;
    const auto before = list_options(given), after = list_options(derived);
    for (std::size_t i = 0; i < before.size(); ++i)
        if (before[i].second != after[i].second)
            text += (text.empty() ? "" : ", ") + after[i].first + " = " + after[i].second;
    return text;
}

std::string label_column(const Config& config) {
    return config.prepare.communities == "none" ? config.input.label_key : config.prepare.communities;
}

bool has_unet_widths(const ModelOptions& options) {
    return options.score_network == "cell_unet" || options.score_network == "scld_unet";
}

std::vector<std::int64_t> unet_widths(const ModelOptions& options) {
    std::vector<std::int64_t> widths;
    for (const double width : numbers_of_list(options.score_widths, "model.score_widths", 1))
        widths.push_back(static_cast<std::int64_t>(width));
    if (widths.size() < 2)
        throw ConfigError("model.score_widths = \"" + options.score_widths +
                          "\": a U-Net has two widths at least");
    return widths;
}

bool is_unconditional(const GenerateOptions& options) {
    return options.guidance == -1 && options.classifier_guidance == 0 && !options.keep_predicted;
}

std::int64_t solver_evaluations(const Config& config) {
    return config.generate.solver == "ancestral" ? config.model.diffusion_steps : config.generate.steps;
}

}  // namespace lapatlas
