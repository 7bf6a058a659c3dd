#include "src/generate/generate.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/config/config.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/prepare.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/model.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

namespace {

/// Whether training has settled this option. The seed is free: another one draws other cells.
bool is_settled_by_training(const std::string& name) {
    return (decides_preparation(name) || decides_training(name)) && name != "runtime.seed";
}

/// The model is what it was trained as. Other options of its training would be a misunderstanding, and the
/// atlas would carry them.
void refuse_other_model(const Config& wanted, const Config& trained, const std::filesystem::path& path) {
    const auto asked = list_options(wanted), had = list_options(trained);
    for (std::size_t i = 0; i < asked.size(); ++i)
        if (is_settled_by_training(asked[i].first) && asked[i].second != had[i].second)
            throw ConfigError(asked[i].first + " = " + asked[i].second + ": " + path.string() +
                              " was trained with " + had[i].second + "; train another model for it");
}

}  // namespace

TrainedModel load_trained_model(const std::filesystem::path& path, const Config& config) {
    if (!std::filesystem::exists(path))
        throw InputError(path.string() + ": no trained model; make one with `lapatlas train`");
    const Checkpoint checkpoint = read_checkpoint(path);
    const Config trained_with = parse_config(checkpoint.config, path.string());
    refuse_other_model(config, trained_with, path);
    const ModelOptions& options = trained_with.model;
    if (checkpoint.counters.at("complete") == 0)
        throw InputError(path.string() + ": training is not complete (" +
                         std::to_string(checkpoint.counters.at("joint_steps_done")) + " joint, " +
                         std::to_string(checkpoint.counters.at("score_steps_done")) +
                         " score steps done); finish it with `lapatlas train`");
    TrainedModel trained;
    trained.gene_names = checkpoint.gene_names;
    trained.gene_ids = checkpoint.gene_ids;
    trained.label_names = checkpoint.label_names;
    trained.label_counts = checkpoint.label_counts;
    trained.num_cells = checkpoint.counters.at("num_cells");
    trained.weights_id = checkpoint.weights_id;

    const auto genes = static_cast<std::int64_t>(checkpoint.gene_names.size());
    Model model =
        make_model(options, {genes, 0, static_cast<std::int64_t>(checkpoint.label_names.size())}, 0);
    restore_module(checkpoint, "decoder", *model.decoder);
    std::vector<torch::Tensor> weights = model.score_net->parameters();
    restore_tensors(checkpoint, "score_net_average", weights);
    CountDecoder decoder = model.decoder;
    GenerativeModel& generative = trained.model;
    generative.score_net = model.score_net;
    generative.decode_logits = [decoder](const at::Tensor& z) mutable { return decoder->logits(z); };
    generative.dispersions = decoder->dispersions();
    generative.size_factor = options.library == "size_factor";
    generative.latent_mean = checkpoint.numbers.at("latent_mean");
    generative.latent_std = checkpoint.numbers.at("latent_std");
    generative.diffusion_time = options.diffusion_time;
    generative.joint_library = model.joint_library;
    generative.log_library_mean = checkpoint.numbers.at("log_library_mean");
    generative.log_library_std = checkpoint.numbers.at("log_library_std");
    generative.latent = options.latent;
    generative.num_genes = genes;
    generative.libraries.all = checkpoint.libraries;
    for (std::size_t l = 0; l < checkpoint.label_names.size(); ++l)
        generative.libraries.by_label.emplace_back(
            checkpoint.libraries.begin() + checkpoint.library_offsets[l],
            checkpoint.libraries.begin() + checkpoint.library_offsets[l + 1]);
    return trained;
}

std::string weights_id_of_atlas(const std::filesystem::path& atlas) {
    const Hdf5File file = Hdf5File::open(atlas);
    return file.exists("uns/lapatlas/weights_id") ? file.read_string("uns/lapatlas/weights_id") : "";
}

std::string generate_fingerprint(const Config& config) {
    std::string text = train_fingerprint(config);
    // A file of counts is what it holds.
    if (std::error_code ignored; std::filesystem::is_regular_file(config.generate.counts, ignored)) {
        std::ifstream file(config.generate.counts);
        text += "counts=" + std::string(std::istreambuf_iterator<char>(file), {}) + ";";
    }
    for (const auto& [name, value] : list_options(config))
        if (name.starts_with("generate.") && name != "generate.gzip_level") text += name + "=" + value + ";";
    return text;
}

void generate(const Communicator& comm, const Config& config, const std::filesystem::path& checkpoint,
              const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
              Log& log) {
    const TrainedModel trained = agreed(comm, [&] { return load_trained_model(checkpoint, config); });
    const LabelPlan plan = agreed(comm, [&] {
        return make_label_plan(config.generate, trained.label_names, trained.label_counts, trained.num_cells);
    });
    log.stage("generate " + std::to_string(plan.num_cells()) + " cells: " + output.string());
    H5adHeader header;
    header.gene_names = trained.gene_names;
    header.gene_ids = trained.gene_ids;
    const bool labelled = !trained.label_names.empty();
    if (labelled) header.categorical_obs.push_back({config.input.label_key, trained.label_names});
    header.numeric_obs = {"library_size"};
    header.latent_width = config.generate.write_latents ? trained.model.latent : 0;
    for (const auto& [name, value] : provenance) header.uns["lapatlas/" + name] = value;
    header.uns["lapatlas/fingerprint"] = generate_fingerprint(config);
    header.uns["lapatlas/weights_id"] = trained.weights_id;
    header.cell_prefix = "synthetic";
    header.gzip_level = static_cast<int>(config.generate.gzip_level);

    H5adWriter writer(comm, output, header, plan.num_cells());
    Log::Progress progress(log, "generate", "cells", plan.num_cells());
    const std::int64_t blocks = num_blocks(plan.num_cells());
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    for (std::int64_t first = 0; first < blocks; first += comm.size()) {
        const std::int64_t mine = first + comm.rank();
        GeneratedBlock block = agreed(comm, [&] {
            if (mine < blocks) return generate_block(trained.model, config.generate, plan, seed, mine);
            GeneratedBlock none;
            none.counts.num_genes = trained.model.num_genes;
            return none;
        });
        H5adRows rows;
        rows.counts = &block.counts;
        if (labelled) rows.codes.push_back(std::move(block.labels));
        rows.numbers.push_back(std::move(block.library));
        if (header.latent_width > 0) rows.latents = std::move(block.latents);
        writer.append(rows);
        progress.update(std::min(plan.num_cells(), (first + comm.size()) * kBlockCells));
    }
    writer.finish();
}

}  // namespace lapatlas
