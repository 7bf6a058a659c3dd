#include "src/embed_run.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/even_sample.hpp"
#include "dist/hdf5_file.hpp"
#include "partition/distributed_graph.hpp"
#include "src/config/config.hpp"
#include "src/embed/positional_encoding.hpp"
#include "src/embed_figures.hpp"
#include "src/evaluate/label_classifier.hpp"
#include "src/generate/generate.hpp"
#include "src/graph/knn.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/io/near_names.hpp"
#include "src/io/obs_columns.hpp"
#include "src/io/prepared_file.hpp"
#include "src/io/row_assembler.hpp"
#include "src/latent_labels.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/gene_matching.hpp"
#include "src/preprocess/pca.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/encode.hpp"

namespace lapatlas {

namespace {

/// Below this share of the model's genes a cell cannot be placed; below the second, that is said.
constexpr double kFewestGenes = 0.2, kFewGenes = 0.9;

/// Collective. The atlas's counts over the model's genes; genes it lacks stay 0.
CountMatrix counts_over_model_genes(const AtlasShard& atlas, const PreparedSummary& summary,
                                    const std::string& path, Log& log) {
    const GeneMatches found =
        match_genes(summary.gene_names, summary.gene_ids, atlas.gene_names, atlas.gene_ids);
    const auto genes = static_cast<double>(summary.gene_names.size());
    const double share = static_cast<double>(found.size()) / genes;
    const std::string text = std::to_string(found.size()) + " of the model's " +
                             std::to_string(summary.gene_names.size()) + " genes are in " + path;
    if (share < kFewestGenes)
        throw InputError(text + ": too few to place a cell; are the names of one kind?");
    if (share < kFewGenes)
        log.warning(text + "; the others count as not expressed");
    else
        log.info(text);
    std::vector<std::int32_t> new_index(atlas.gene_names.size(), -1);
    for (const auto& [of_model, of_atlas] : found) new_index[static_cast<std::size_t>(of_atlas)] = of_model;
    CountMatrix counts = atlas.counts.rows(0, atlas.counts.num_rows());
    select_columns(counts, new_index, std::ssize(summary.gene_names));
    tidy_rows(counts);
    return counts;
}

/// Batches of the new cells in terms of the model's; 0 where it knows none.
std::vector<std::int32_t> known_batches(const AtlasShard& atlas, const PreparedSummary& summary,
                                        const std::string& path) {
    std::vector<std::int32_t> batches(static_cast<std::size_t>(atlas.counts.num_rows()), 0);
    if (summary.batch_names.empty()) return batches;
    for (std::size_t r = 0; r < batches.size(); ++r) {
        const std::string name =
            atlas.batches[r] < 0 ? "" : atlas.batch_names[static_cast<std::size_t>(atlas.batches[r])];
        const auto found = std::find(summary.batch_names.begin(), summary.batch_names.end(), name);
        if (found == summary.batch_names.end())
            throw InputError(path + ": cell '" + atlas.cell_names[r] + "' is of batch '" + name +
                             "', which the model does not know" + suggest_names(name, summary.batch_names));
        batches[r] = static_cast<std::int32_t>(found - summary.batch_names.begin());
    }
    return batches;
}

/// Antibody counts of the new cells in the model's order; NaN where they have none. InputError where a file
/// has some, but of none of the model's proteins.
std::vector<float> known_proteins(const AtlasShard& atlas, const PreparedSummary& summary,
                                  const Config& config, Log& log) {
    const std::size_t known = summary.protein_names.size(), there = atlas.protein_names.size();
    std::vector<float> proteins(atlas.cell_names.size() * known, std::numeric_limits<float>::quiet_NaN());
    std::size_t matched = 0;
    for (std::size_t p = 0; p < known; ++p) {
        const auto found =
            std::find(atlas.protein_names.begin(), atlas.protein_names.end(), summary.protein_names[p]);
        if (found == atlas.protein_names.end()) continue;
        ++matched;
        const auto column = static_cast<std::size_t>(found - atlas.protein_names.begin());
        for (std::size_t r = 0; r < atlas.cell_names.size(); ++r)
            proteins[r * known + p] = atlas.proteins[r * there + column];
    }
    const std::string where = config.embed.path + ": obsm/" + config.input.protein_obsm();
    if (there > 0 && matched == 0)
        throw InputError(where + " has the proteins " + atlas.protein_names.front() +
                         ", ..., and none of the model's (" + summary.protein_names.front() +
                         ", ...); an array's columns are named by uns/" + config.input.protein_obsm() +
                         "_names");
    if (there > 0 && matched < known)
        log.warning(where + " has " + std::to_string(matched) + " of the model's " + std::to_string(known) +
                    " proteins; the others count as not measured");
    return proteins;
}

/// Where a file that is to be embedded has antibody counts: in the obsm that the model writes its own to.
std::string proteins_if_there(const std::string& path, const Config& config) {
    if (!std::filesystem::is_regular_file(path)) return {};
    const std::string key = config.input.protein_obsm();
    return Hdf5File::open(path).exists("obsm/" + key) ? key : std::string();
}

/// Collective. The new cells with their edges to training cells and their encodings: rows that a prepared
/// dataset could have held out.
HeldoutRows attach(const Communicator& comm, const std::filesystem::path& prepared,
                   const PreparedSummary& summary, const Config& config, const AtlasShard& atlas,
                   const CountMatrix& counts, std::vector<std::int32_t> batches, Log& log) {
    TrainingBlock block = agreed(comm, [&] { return read_training_block(comm, prepared, summary); });
    const DistributedGraph graph{summary.num_train,
                                 block_of_rank(summary.num_train, comm.size(), comm.rank()),
                                 std::move(block.graph_offsets), std::move(block.graph_columns)};
    PositionalEncoding encoding;
    encoding.count = summary.num_encodings;
    encoding.eigenvalues = summary.eigenvalues;
    encoding.vectors = std::move(block.encodings);
    Pca pca;
    pca.mean = summary.pca_mean;
    pca.loadings = summary.pca_loadings;
    pca.num_genes = static_cast<std::int64_t>(pca.mean.size());
    pca.num_components = static_cast<std::int64_t>(pca.loadings.size() / pca.mean.size());
    HeldoutRows rows;
    rows.counts = PackedCounts(counts);
    const std::vector<double> scores =
        project(LogCounts(rows.counts, config.prepare.target_sum, summary.graph_genes), pca);
    const std::int64_t k = std::min(config.prepare.k, summary.num_train);
    KnnGraph edges = knn_query(comm, scores, block.scores, pca.num_components, k);
    const std::vector<double> encodings = extend_encoding(comm, graph, encoding, edges.neighbours, edges.k);
    rows.cell_index.resize(static_cast<std::size_t>(rows.counts.num_rows()));
    std::iota(rows.cell_index.begin(), rows.cell_index.end(), atlas.first_cell);
    rows.labels.assign(rows.cell_index.size(), -1);
    rows.batches = std::move(batches);
    // No encoder is told of them.
    rows.covariates.assign(rows.cell_index.size() * summary.covariate_columns.size(),
                           std::numeric_limits<float>::quiet_NaN());
    rows.proteins = known_proteins(atlas, summary, config, log);
    rows.splits.assign(rows.cell_index.size(), 2);
    rows.encodings.assign(encodings.begin(), encodings.end());
    rows.neighbours = std::move(edges.neighbours);
    rows.rows = rows.cell_index;
    return rows;
}

struct ModelSays {
    CountDecoderImpl::CellScores scores;
    std::vector<float> proteins;  // [rows, proteins] expected antibody counts
};

/// What `model` says of `rows` of the data, whose latents are `means`.
ModelSays score_by_law(const PlacedData& placed, CountModel& model, const torch::Tensor& means,
                       std::span<const std::int64_t> rows, bool with_rates) {
    constexpr std::size_t kCellsAtOnce = 512;
    const torch::NoGradGuard no_grad;
    ModelSays says;
    const auto append = [](std::vector<float>& all, const torch::Tensor& values) {
        const torch::Tensor host = values.cpu().contiguous();
        all.insert(all.end(), host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel());
    };
    for (std::size_t begin = 0; begin < rows.size(); begin += kCellsAtOnce) {
        const auto some = rows.subspan(begin, std::min(kCellsAtOnce, rows.size() - begin));
        const torch::Tensor totals = placed.totals_of(some), batches = placed.batches(some);
        const torch::Tensor latents = means.narrow(0, static_cast<std::int64_t>(begin), std::ssize(some));
        const CountLaw law = model.law(latents, batches);
        append(says.scores.log_likelihood, log_likelihood(law, placed.counts_of(some), totals));
        if (with_rates) append(says.scores.rates, expected_rates(law, totals));
        if (model.num_proteins() > 0) append(says.proteins, model.protein_law(latents, batches).rates);
    }
    return says;
}

}  // namespace

void embed_run(const Communicator& comm, const Config& config, const RunFolder& run,
               const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
               Log& log) {
    log.stage("embed " + config.embed.path);
    agreed(comm, [&] {
        if (config.embed.path.empty())
            throw ConfigError("which cells? lapatlas embed RUN_FOLDER --input FILE.h5ad");
        if (comm.is_root()) require_writable(output);
    });
    struct Loaded {
        PreparedSummary summary;
        Checkpoint checkpoint;
    };
    Loaded loaded = agreed(comm, [&] {
        return Loaded{read_prepared_summary(run.prepared()),
                      read_trained_checkpoint(run.checkpoint(), config)};
    });
    const PreparedSummary& summary = loaded.summary;

    InputOptions source;
    source.path = config.embed.path;
    source.layer = config.embed.layer;
    if (!summary.batch_names.empty()) source.batch_key = config.input.batch_column();
    // Labels are compared with the predicted ones where the file has some.
    source.label_key = agreed(comm, [&] {
        return obs_column_if_there(source.path, summary.label_names.empty() ? "" : config.input.label_key);
    });
    if (!summary.protein_names.empty()) {
        source.protein_key = agreed(comm, [&] { return proteins_if_there(source.path, config); });
        if (source.protein_key.empty())
            log.info(config.embed.path + " has no obsm '" + config.input.protein_obsm() +
                     "' of antibody counts: its cells are placed by their genes alone");
    }
    const AtlasShard atlas = read_atlas(comm, source, log);
    const ObsColumns obs =
        read_obs_columns(comm, config.embed.path, atlas.first_cell, std::ssize(atlas.cell_names), log);
    const CountMatrix counts =
        agreed(comm, [&] { return counts_over_model_genes(atlas, summary, config.embed.path, log); });
    std::vector<std::int32_t> batches =
        agreed(comm, [&] { return known_batches(atlas, summary, config.embed.path); });

    HeldoutRows others =
        attach(comm, run.prepared(), summary, config, atlas, counts, std::move(batches), log);
    const RankData data = load_rank_data(comm, run.prepared(), config, &others);
    Model model = make_model(config.model, sizes_of(summary), 0);
    agreed(comm, [&] { restore_embedding(loaded.checkpoint, model); });
    const PlacedData placed(make_cpu_backend(comm), data);
    const Posterior posterior = encode_rows(placed, model, config.train);
    const std::int64_t num_new = data.num_rows() - data.num_train_rows;
    const torch::Tensor means = posterior.mean.narrow(0, data.num_train_rows, num_new).contiguous();
    const auto classifier = learn_labels(comm, data, posterior.mean.contiguous());

    H5adHeader header;
    header.gene_names = summary.gene_names;
    header.gene_ids = summary.gene_ids;
    header.gene_columns = summary.gene_columns;
    header.obsm = {{"X_lapatlas", means.size(1)}};
    std::vector<std::int32_t> predicted;
    const auto num_labels = static_cast<std::int64_t>(summary.label_names.size());
    std::vector<float> probabilities, best;
    if (classifier != nullptr) {
        header.categorical_obs = {{"predicted_label", summary.label_names}};
        header.numeric_obs = {"label_probability"};
        header.obsm.push_back({"label_probability", num_labels});
        const Eigen::MatrixXd of_seen = classifier->probabilities(points_of(means));
        for (Eigen::Index row = 0; row < of_seen.rows(); ++row) {
            std::vector<float> all(static_cast<std::size_t>(num_labels), 0.0f);
            for (std::size_t c = 0; c < classifier->labels().size(); ++c)
                all[static_cast<std::size_t>(classifier->labels()[c])] =
                    static_cast<float>(of_seen(row, static_cast<Eigen::Index>(c)));
            const auto top = std::max_element(all.begin(), all.end());
            predicted.push_back(static_cast<std::int32_t>(top - all.begin()));
            best.push_back(*top);
            probabilities.insert(probabilities.end(), all.begin(), all.end());
        }
        say_agreement(comm, atlas, summary, predicted, log);
    }
    header.numeric_obs.emplace_back("log_likelihood");
    if (const auto& names = summary.protein_names; !names.empty())
        header.obsm.push_back({config.input.protein_obsm(), std::ssize(names), names});
    if (config.embed.denoised) header.dense_layer = "denoised";
    for (const auto& [name, value] : provenance) header.uns["lapatlas/" + name] = value;
    header.uns["lapatlas/weights_id"] = loaded.checkpoint.weights_id;

    // Rows come in the order of the file only if each rank's whole block is one round.
    std::vector<std::int64_t> new_rows(static_cast<std::size_t>(num_new));
    std::iota(new_rows.begin(), new_rows.end(), data.num_train_rows);
    const std::shared_ptr<CountModel> by_law = model.counts();
    ModelSays says;
    if (by_law)
        says = score_by_law(placed, *by_law, means, new_rows, config.embed.denoised);
    else
        says.scores = model.decoder->score_cells(
            model.decoder->hidden(means, placed.batches(new_rows)),
            [&](std::int64_t i) { return row_of(counts, i); },
            [&](std::int64_t i) { return data.library[static_cast<std::size_t>(data.num_train_rows + i)]; },
            predicted.empty() ? std::vector<std::int32_t>(new_rows.size(), -1) : predicted,
            config.train.decode_chunk, config.embed.denoised);
    H5adRows rows;
    rows.counts = &counts;
    if (classifier != nullptr) {
        rows.codes.push_back(std::move(predicted));
        rows.numbers.push_back(std::move(best));
    }
    rows.numbers.push_back(std::move(says.scores.log_likelihood));
    rows.obsm.emplace_back(means.data_ptr<float>(), means.data_ptr<float>() + means.numel());
    if (classifier != nullptr) rows.obsm.push_back(std::move(probabilities));
    if (!summary.protein_names.empty()) rows.obsm.push_back(std::move(says.proteins));
    rows.dense = std::move(says.scores.rates);
    rows.names = atlas.cell_names;
    append_obs_columns(obs, header, rows);
    H5adWriter writer(comm, output, header, atlas.num_cells);
    writer.append(rows);
    writer.finish();
    std::filesystem::path figures = output;
    judge_latents(comm, atlas, rows.obsm.front(), means.size(1),
                  static_cast<std::uint64_t>(config.runtime.seed), figures.replace_extension(".figures.json"),
                  provenance, log);
}

}  // namespace lapatlas
