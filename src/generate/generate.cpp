#include "src/generate/generate.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/memory_use.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/config/config.hpp"
#include "src/config/derived.hpp"
#include "src/config/text_list.hpp"
#include "src/generate/atlas_maker.hpp"
#include "src/generate/scorer_training.hpp"
#include "src/io/input_files.hpp"
#include "src/io/near_names.hpp"
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
void refuse_other_model(const Config& wanted, const Checkpoint& checkpoint,
                        const std::filesystem::path& path) {
    const std::vector<std::int64_t> cells = checkpoint.cells_of_conditions();
    // What was left to the data stands for what training made of it.
    const Config filled =
        derive_from_size(wanted, {std::accumulate(cells.begin(), cells.end(), std::int64_t{0}),
                                  static_cast<std::int64_t>(checkpoint.gene_names.size())});
    const auto asked = list_options(filled),
               had = list_options(parse_config(checkpoint.config, path.string()));
    for (std::size_t i = 0; i < asked.size(); ++i)
        if (is_settled_by_training(asked[i].first) && asked[i].second != had[i].second)
            throw ConfigError(asked[i].first + " = " + asked[i].second + ": " + path.string() +
                              " was trained with " + had[i].second + "; train another model for it");
}

/// "a,b,c", or the lines of the file of that name; blanks around entries do not count, empty ones neither.
std::vector<std::string> list_or_lines(const std::string& text) {
    std::string whole = text;
    char separator = ',';
    if (std::error_code ignored; std::filesystem::is_regular_file(text, ignored)) {
        std::ifstream file(text);
        whole.assign(std::istreambuf_iterator<char>(file), {});
        separator = '\n';
    }
    std::vector<std::string> entries = split_text(whole, separator);
    std::erase(entries, "");
    return entries;
}

LibraryTable library_table(const Checkpoint& checkpoint) {
    LibraryTable table;
    table.all = checkpoint.libraries;
    const std::size_t num_labels = checkpoint.label_names.size(), num_batches = checkpoint.batch_names.size();
    const std::size_t columns = std::max<std::size_t>(1, num_batches);
    table.by_label.resize(num_labels);
    table.by_batch.resize(num_batches);
    for (std::size_t condition = 0; condition + 1 < checkpoint.library_offsets.size(); ++condition) {
        const auto first = checkpoint.libraries.begin() + checkpoint.library_offsets[condition];
        const auto last = checkpoint.libraries.begin() + checkpoint.library_offsets[condition + 1];
        const std::size_t label = condition / columns;
        if (label < num_labels) table.by_label[label].insert(table.by_label[label].end(), first, last);
        if (num_batches == 0) continue;
        auto& of_batch = table.by_batch[condition % columns];
        of_batch.insert(of_batch.end(), first, last);
        if (label < num_labels) table.by_condition.emplace_back(first, last);
    }
    return table;
}

/// Which of the model's genes generate.genes asks for, ascending; all where it is empty.
std::vector<std::int32_t> chosen_genes(const std::string& wanted, const std::vector<std::string>& names,
                                       const std::vector<std::string>& ids) {
    std::vector<std::int32_t> chosen;
    if (wanted.empty()) {
        for (std::size_t g = 0; g < names.size(); ++g) chosen.push_back(static_cast<std::int32_t>(g));
        return chosen;
    }
    std::map<std::string, std::int32_t> place;
    for (std::size_t g = 0; g < ids.size(); ++g) place.emplace(ids[g], static_cast<std::int32_t>(g));
    for (std::size_t g = 0; g < names.size(); ++g) place[names[g]] = static_cast<std::int32_t>(g);
    for (const std::string& name : list_or_lines(wanted)) {
        const auto found = place.find(name);
        if (found == place.end())
            throw ConfigError("generate.genes: the model has no gene '" + name + "'" +
                              suggest_names(name, names));
        chosen.push_back(found->second);
    }
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    if (chosen.empty()) throw ConfigError("generate.genes = '" + wanted + "': names no gene");
    return chosen;
}

/// What `generate` wrote into uns["lapatlas"]; empty in files of others.
std::string text_in_uns(const Hdf5File& file, const std::string& name) {
    const std::string path = "uns/lapatlas/" + name;
    return file.exists(path) ? file.read_string(path) : "";
}

/// What a model of LapDDPM's embedding decodes.
void decode_counts(const std::shared_ptr<const Backend>& backend, CountDecoder decoder, double rate,
                   GenerativeModel& generative) {
    const torch::Tensor dispersion = decoder->dispersion();
    generative.decode = [backend, decoder, rate, dispersion](const torch::Tensor& z,
                                                             const torch::Tensor& batches, std::uint64_t seed,
                                                             std::int64_t first_cell) mutable -> CountLaw {
        if (rate == 0) return {decoder->logits(z, batches), dispersion, {}};
        constexpr std::uint32_t kDropoutDraws = 8;
        std::vector<std::int64_t> cells(static_cast<std::size_t>(z.size(0)));
        std::iota(cells.begin(), cells.end(), first_cell);
        const torch::Tensor ids = backend->tensor(cells);
        std::vector<CountDecoderImpl::Dropout> draws;
        for (std::uint32_t draw = 0; draw < kDropoutDraws; ++draw)
            draws.push_back(
                drawn_dropout(*backend, rate, {seed, draw, ids}, DropoutLayers::kDecoderInGeneration));
        return {decoder->logits_over_dropout(z, batches, draws), dispersion, {}};
    };
}

/// Where the best cells are to stay: ConfigError if nothing can tell which.
void require_scorer(const TrainedModel& trained, const Config& config, Log& log) {
    const GenerateOptions& options = config.generate;
    if (options.keep_best == 1) return;
    if (trained.model.scorer.is_empty())
        throw ConfigError(
            "generate.keep_best needs a model with a Scorer; train one with train.scorer = true");
    if (!options.like.empty() && !trained.known.batch_names.empty())
        throw ConfigError(
            "generate.keep_best keeps the best cells of each type, whatever their batch, so that "
            "generate.like cannot be met; drop one");
    if (trained.scorer_options != scorer_options(config))
        log.warning("the Scorer was trained on cells made with other options (" + trained.scorer_options +
                    "): it may judge these by what sets them apart from those");
}

}  // namespace

Checkpoint read_trained_checkpoint(const std::filesystem::path& path, const Config& config) {
    if (!std::filesystem::exists(path))
        throw InputError(path.string() + ": no trained model; make one with `lapatlas train`");
    Checkpoint checkpoint = read_checkpoint(path);
    refuse_other_model(config, checkpoint, path);
    if (checkpoint.counters.at("complete") == 0)
        throw InputError(path.string() + ": training is not complete (" +
                         std::to_string(checkpoint.counters.at("joint_steps_done")) + " joint, " +
                         std::to_string(checkpoint.counters.at("score_steps_done")) +
                         " score steps done); finish it with `lapatlas train`");
    return checkpoint;
}

TrainedModel load_trained_model(const std::shared_ptr<const Backend>& backend,
                                const std::filesystem::path& path, const Config& config) {
    const Checkpoint checkpoint = read_trained_checkpoint(path, config);
    const ModelOptions options = parse_config(checkpoint.config, path.string()).model;
    TrainedModel trained;
    trained.gene_names = checkpoint.gene_names;
    trained.gene_ids = checkpoint.gene_ids;
    trained.gene_columns = checkpoint.gene_columns;
    trained.protein_names = checkpoint.protein_names;
    trained.known = {checkpoint.label_names, checkpoint.batch_names, checkpoint.cells_of_conditions()};
    trained.num_cells = checkpoint.counters.at("num_cells");
    trained.weights_id = checkpoint.weights_id;
    trained.scorer_options = checkpoint.scorer_options;

    const auto genes = static_cast<std::int64_t>(checkpoint.gene_names.size());
    Model model =
        make_model(options,
                   {genes, 0, static_cast<std::int64_t>(checkpoint.label_names.size()),
                    static_cast<std::int64_t>(checkpoint.batch_names.size()), checkpoint.covariate_columns,
                    static_cast<std::int64_t>(checkpoint.protein_names.size())},
                   0);
    restore_decoder(checkpoint, model);
    restore_score_net_buffers(checkpoint, model.score_net);
    std::vector<torch::Tensor> weights = model.score_net->parameters();
    restore_tensors(checkpoint, "score_net_average", weights);
    if (!model.classifier.is_empty()) restore_classifier(checkpoint, model.classifier);
    model.to(backend->device());
    GenerativeModel& generative = trained.model;
    generative.backend = backend;
    generative.block_cells = backend->block_cells();
    generative.score_net = model.score_net;
    generative.classifier = model.classifier;
    if (has_scorer(checkpoint)) {
        generative.scorer = RealScorer(genes, config.prepare.target_sum);
        restore_module(checkpoint, "scorer", *generative.scorer);
        generative.scorer->to(backend->device());
    }
    if (const std::shared_ptr<CountModel> counts = model.counts()) {
        generative.decode = [counts](const torch::Tensor& z, const torch::Tensor& batches, std::uint64_t,
                                     std::int64_t) { return counts->law(z, batches); };
        if (counts->num_proteins() > 0)
            generative.decode_proteins = [counts](const torch::Tensor& z, const torch::Tensor& batches) {
                return counts->protein_law(z, batches);
            };
    } else {
        decode_counts(backend, model.decoder, options.dropout, generative);
    }
    generative.size_factor = options.library == "size_factor";
    generative.latent_mean = checkpoint.numbers.at("latent_mean");
    generative.latent_std = checkpoint.numbers.at("latent_std");
    generative.process = model.process;
    generative.joint_library = model.joint_library;
    generative.log_library_mean = checkpoint.numbers.at("log_library_mean");
    generative.log_library_std = checkpoint.numbers.at("log_library_std");
    generative.latent = model.latent_width();
    generative.num_genes = genes;
    generative.libraries = library_table(checkpoint);
    trained.covariates = {checkpoint.covariate_columns, checkpoint.covariates, checkpoint.library_offsets,
                          static_cast<std::int64_t>(checkpoint.label_names.size()),
                          static_cast<std::int64_t>(checkpoint.batch_names.size())};
    generative.manifold = training_manifold(checkpoint);
    return trained;
}

LatentManifold training_manifold(const Checkpoint& checkpoint) {
    const torch::Tensor& latents = checkpoint.reference_latents;
    if (!latents.defined()) return {};
    return {{latents.data_ptr<float>(), latents.data_ptr<float>() + latents.numel()},
            latents.size(1),
            checkpoint.reference_labels,
            static_cast<std::int64_t>(checkpoint.label_names.size())};
}

std::string weights_id_of_atlas(const std::filesystem::path& atlas) {
    return text_in_uns(Hdf5File::open(input_files(atlas.string()).front()), "weights_id");
}

bool is_made_by(const std::filesystem::path& atlas, const std::string& fingerprint,
                const std::string& weights_id) {
    if (!std::filesystem::exists(atlas)) return false;
    const Hdf5File file = Hdf5File::open(input_files(atlas.string()).front());
    return text_in_uns(file, "fingerprint") == fingerprint && text_in_uns(file, "weights_id") == weights_id;
}

std::string generate_fingerprint(const Config& config) {
    std::string text = train_fingerprint(config);
    // A file of counts or genes is what it holds; a file to be like, its size and time.
    for (const std::string& path : {config.generate.counts, config.generate.genes})
        if (std::error_code ignored; std::filesystem::is_regular_file(path, ignored)) {
            std::ifstream file(path);
            text += "holds=" + std::string(std::istreambuf_iterator<char>(file), {}) + ";";
        }
    if (std::error_code ignored; std::filesystem::is_regular_file(config.generate.like, ignored))
        text +=
            "like=" + std::to_string(std::filesystem::file_size(config.generate.like, ignored)) + " " +
            std::to_string(
                std::filesystem::last_write_time(config.generate.like, ignored).time_since_epoch().count()) +
            ";";
    for (const auto& [name, value] : list_options(config))
        if (name.starts_with("generate.") && name != "generate.gzip_level") text += name + "=" + value + ";";
    return text;
}

void generate(const std::shared_ptr<const Backend>& backend, const Config& config,
              const std::filesystem::path& checkpoint, const std::filesystem::path& output,
              const std::map<std::string, std::string>& provenance, Log& log) {
    const StageMemory memory;
    const Communicator& comm = backend->comm();
    TrainedModel trained = agreed(comm, [&] { return load_trained_model(backend, checkpoint, config); });
    const CellPlan wanted = agreed(comm, [&] {
        require_scorer(trained, config, log);
        InputOptions named = config.input;
        named.label_key = label_column(config);
        return make_cell_plan(config.generate, named, trained.known, trained.num_cells);
    });
    // Of more cells the best stay.
    const CellPlan plan = wanted.enlarged(1 / config.generate.keep_best);
    agreed(comm, [&] {
        std::vector<CovariateSetting> settings =
            parse_covariate_settings(config.generate.set, trained.covariates.columns);
        if (!trained.covariates.columns.empty())
            trained.model.covariates = std::make_shared<const CovariatePlan>(
                trained.covariates, std::move(settings), plan.num_cells());
    });
    const std::vector<std::int32_t> genes = agreed(
        comm, [&] { return chosen_genes(config.generate.genes, trained.gene_names, trained.gene_ids); });
    log.stage("generate " + std::to_string(wanted.num_cells()) + " cells: " + output.string());
    AtlasForm form;
    form.labelled = !trained.known.label_names.empty();
    form.batched = !trained.known.batch_names.empty();
    H5adHeader& header = form.header;
    for (const std::int32_t gene : genes) {
        header.gene_names.push_back(trained.gene_names[static_cast<std::size_t>(gene)]);
        if (!trained.gene_ids.empty())
            header.gene_ids.push_back(trained.gene_ids[static_cast<std::size_t>(gene)]);
    }
    form.genes = genes;
    header.gene_columns = columns_of_genes(trained.gene_columns, genes);
    header.synthetic = true;
    if (form.labelled) header.categorical_obs.push_back({label_column(config), trained.known.label_names});
    if (form.batched)
        header.categorical_obs.push_back({config.input.batch_column(), trained.known.batch_names});
    header.numeric_obs = {"library_size"};
    if (!trained.model.manifold.is_empty()) header.numeric_obs.emplace_back("manifold_distance");
    form.covariates = trained.covariates.columns;
    for (const CovariateColumn& column : form.covariates)
        if (column.is_number())
            header.numeric_obs.push_back(column.name);
        else
            header.categorical_obs.push_back({column.name, column.categories});
    if (!form.covariates.empty()) header.numeric_obs.emplace_back("extrapolation");
    form.filtered = config.generate.keep_predicted;
    if (form.filtered) {
        header.numeric_obs.emplace_back("attempts");
        header.numeric_obs.emplace_back("predicted");
    }
    form.stay = wanted.num_cells();
    form.stay_of_labels = wanted.exact_counts(static_cast<std::int64_t>(trained.known.label_names.size()));
    if (form.stay < plan.num_cells()) header.numeric_obs.emplace_back("score");
    form.with_latents = config.generate.write_latents;
    if (form.with_latents) header.obsm.push_back({"X_latent", trained.model.latent});
    if (const auto& names = trained.protein_names; !names.empty())
        header.obsm.push_back({config.input.protein_obsm(), std::ssize(names), names});
    const std::string fingerprint = generate_fingerprint(config);
    for (const auto& [name, value] : provenance) header.uns["lapatlas/" + name] = value;
    header.uns["lapatlas/fingerprint"] = fingerprint;
    header.uns["lapatlas/weights_id"] = trained.weights_id;
    header.cell_prefix = "synthetic";
    header.gzip_level = static_cast<int>(config.generate.gzip_level);
    form.made_by = std::string(LAPATLAS_VERSION) + " " + trained.weights_id + " " +
                   std::to_string(trained.model.block_cells) + " " + fingerprint;

    AtlasMaker maker(backend, trained.model, config, plan, std::move(form), log);
    if (const std::int64_t shards = config.generate.shards; shards > 0)
        maker.write_shards(output, shards, [&](const std::filesystem::path& file) {
            return is_made_by(file, fingerprint, trained.weights_id);
        });
    else
        maker.write_file(output);
    log.info(memory.text(comm));
}

}  // namespace lapatlas
