#include "src/denoise_run.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/even_sample.hpp"
#include "dist/memory_use.hpp"
#include "dist/stop_request.hpp"
#include "src/denoise/denoise_figures.hpp"
#include "src/denoise/label_votes.hpp"
#include "src/denoise/latent_prior.hpp"
#include "src/denoise/prior_training.hpp"
#include "src/denoise/reference_space.hpp"
#include "src/denoise/shared_genes.hpp"
#include "src/denoise/split_gibbs.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/h5ad_writer.hpp"

namespace lapatlas {

namespace {

/// Cells of the query whose labels figures are made of, at most: they compare all with all.
constexpr std::int64_t kMostJudged = 5000;

/// Rows of one matrix as the latents are made of them.
class Expression {
  public:
    Expression(const CountMatrix& matrix, const SharedGenes& shared, const Config& config) {
        if (config.input.values == "as_given") {
            rows_ = std::make_unique<MatrixRows>(matrix);
        } else {
            counts_ = PackedCounts(matrix);
            rows_ = std::make_unique<LogCounts>(counts_, config.prepare.target_sum, shared.used);
        }
    }
    const ExpressionRows& rows() const { return *rows_; }

  private:
    PackedCounts counts_;
    std::unique_ptr<ExpressionRows> rows_;
};

InputOptions source_of_query(const Communicator& comm, const Config& config) {
    InputOptions source;
    source.path = config.denoise.query;
    source.layer = config.denoise.layer.empty() ? config.input.layer : config.denoise.layer;
    source.values = config.input.values;
    source.recover_counts = config.input.recover_counts;
    // Labels are compared with what the reference says where the file has some.
    source.label_key = agreed(comm, [&] { return obs_column_if_there(source.path, config.input.label_key); });
    return source;
}

/// What became of this rank's cells.
struct Denoised {
    std::vector<float> mean, deviation;  // [cells, k] over repeats
    std::vector<double> all;             // [cells * repeats, k]
};

/// Collective. Block by block; the same for a cell in whatever block and on whatever rank it is.
Denoised denoise_cells(const std::shared_ptr<const Backend>& backend, LatentPrior& prior,
                       const Config& config, std::span<const double> projected, std::int64_t width,
                       std::int64_t first_cell, std::int64_t num_cells_in_all, Log& log) {
    const DenoiseOptions& options = config.denoise;
    const std::int64_t cells = std::ssize(projected) / width, repeats = options.repeats;
    const std::int64_t a_block = std::max<std::int64_t>(1, backend->block_cells() / repeats);
    const std::int64_t rounds = all_reduce_max(backend->comm(), (cells + a_block - 1) / a_block);
    Denoised result;
    Log::Progress progress(log, "denoise", "cells", num_cells_in_all);
    std::int64_t done = 0;
    for (std::int64_t round = 0; round < rounds; ++round) {
        StopRequest::obey(backend->comm(),
                          "the prior is kept: the same command denoises from the first cell");
        const std::int64_t begin = std::min(cells, round * a_block), end = std::min(cells, begin + a_block);
        std::vector<float> start;
        std::vector<std::int64_t> ids;
        for (std::int64_t cell = begin; cell < end; ++cell)
            for (std::int64_t r = 0; r < repeats; ++r) {
                ids.push_back((first_cell + cell) * repeats + r);
                for (std::int64_t j = 0; j < width; ++j)
                    start.push_back(
                        static_cast<float>(projected[static_cast<std::size_t>(cell * width + j)]));
            }
        if (!ids.empty()) {
            const torch::Tensor from = backend->tensor(start).reshape({std::ssize(ids), width});
            const torch::Tensor last =
                split_gibbs(
                    *backend, prior.schedule(),
                    [&](const torch::Tensor& x, std::int64_t step) { return prior.predict(x, step); },
                    gaussian_likelihood(backend, from, options.noise), options, from, ids,
                    static_cast<std::uint64_t>(config.runtime.seed))
                    .to(torch::kCPU, torch::kFloat64)
                    .reshape({end - begin, repeats, width})
                    .contiguous();
            result.all.insert(result.all.end(), last.data_ptr<double>(),
                              last.data_ptr<double>() + last.numel());
            const auto append = [](std::vector<float>& to, const torch::Tensor& of) {
                const torch::Tensor whole = of.to(torch::kFloat32).contiguous();
                to.insert(to.end(), whole.data_ptr<float>(), whole.data_ptr<float>() + whole.numel());
            };
            append(result.mean, last.mean(1));
            append(result.deviation, repeats > 1 ? last.std(1) : torch::zeros({end - begin, width}));
        }
        done += all_reduce_sum(backend->comm(), end - begin);
        progress.update(done);
    }
    return result;
}

Points points_of(const std::vector<float>& values, std::int64_t width) {
    Points points(std::ssize(values) / width, width);
    for (Eigen::Index i = 0; i < points.rows(); ++i)
        for (Eigen::Index j = 0; j < points.cols(); ++j)
            points(i, j) = values[static_cast<std::size_t>(i * width + j)];
    return points;
}

/// Collective. Figures of an even sample of the query's labelled cells, on the root; none where it has no
/// labels.
std::optional<DenoiseFigures> judge(const Communicator& comm, const AtlasShard& query,
                                    const std::vector<std::string>& known_labels,
                                    const std::vector<float>& pca, const Denoised& denoised,
                                    const LabelVotes& votes, std::int64_t width, std::uint64_t seed) {
    std::vector<float> of_pca, of_dice, probabilities;
    std::vector<std::int32_t> labels, truth, best;
    for (std::size_t i = 0; i < query.labels.size(); ++i) {
        if (query.labels[i] < 0) continue;
        if (!is_in_even_sample(query.first_cell + static_cast<std::int64_t>(i), query.num_cells, kMostJudged))
            continue;
        const auto row = static_cast<std::ptrdiff_t>(i) * width;
        of_pca.insert(of_pca.end(), pca.begin() + row, pca.begin() + row + width);
        of_dice.insert(of_dice.end(), denoised.mean.begin() + row, denoised.mean.begin() + row + width);
        labels.push_back(query.labels[i]);
        const std::string& name = query.label_names[static_cast<std::size_t>(query.labels[i])];
        const auto found = std::find(known_labels.begin(), known_labels.end(), name);
        truth.push_back(
            found == known_labels.end() ? -1 : static_cast<std::int32_t>(found - known_labels.begin()));
        if (votes.best.empty()) continue;
        const auto of_votes = static_cast<std::ptrdiff_t>(i) * votes.num_labels;
        probabilities.insert(probabilities.end(), votes.probabilities.begin() + of_votes,
                             votes.probabilities.begin() + of_votes + votes.num_labels);
        best.push_back(votes.best[i]);
    }
    of_pca = gather_v<float>(comm, of_pca);
    of_dice = gather_v<float>(comm, of_dice);
    labels = gather_v<std::int32_t>(comm, labels);
    truth = gather_v<std::int32_t>(comm, truth);
    LabelVotes judged;
    judged.num_labels = votes.num_labels;
    judged.probabilities = gather_v<float>(comm, probabilities);
    judged.best = gather_v<std::int32_t>(comm, best);
    return agreed(comm, [&]() -> std::optional<DenoiseFigures> {
        if (!comm.is_root() || labels.empty()) return std::nullopt;
        DenoiseFigures figures;
        figures.num_cells = std::ssize(labels);
        figures.pca = figures_of_space(points_of(of_pca, width), labels, seed);
        figures.dice = figures_of_space(points_of(of_dice, width), labels, seed);
        figures.accuracy = std::nan("");
        if (!judged.best.empty()) {
            double right = 0, known = 0;
            for (std::size_t i = 0; i < truth.size(); ++i)
                if (truth[i] >= 0) {
                    right += truth[i] == judged.best[i] ? 1 : 0;
                    ++known;
                }
            if (known > 0) figures.accuracy = right / known;
            figures.calibration = calibrate(judged, truth);
        }
        return figures;
    });
}

}  // namespace

void denoise_run(const std::shared_ptr<const Backend>& backend, const Config& config, const RunFolder& run,
                 const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
                 Log& log) {
    const StageMemory memory;
    const Communicator& comm = backend->comm();
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    agreed(comm, [&] {
        if (config.denoise.query.empty())
            throw ConfigError("which cells? lapatlas denoise CONFIG.toml --query FILE.h5ad (denoise.query)");
    });
    open_run_folder(comm, run, config);
    agreed(comm, [&] {
        if (comm.is_root()) require_writable(output);
    });
    log.stage("read " + config.input.path + " and " + config.denoise.query);
    AtlasShard reference = read_atlas(comm, config.input, log);
    AtlasShard query = read_atlas(comm, source_of_query(comm, config), log);
    if (std::min(reference.num_cells, query.num_cells) < comm.size())
        throw InputError("reference and query need a cell for each of the " + std::to_string(comm.size()) +
                         " ranks; start fewer ranks");
    const std::vector<std::int32_t> own_labels = reference.labels;
    const std::vector<std::string> label_names = reference.label_names;
    const SharedGenes shared = [&] {
        AtlasShard of_query;
        of_query.gene_names = query.gene_names;
        of_query.gene_ids = query.gene_ids;
        of_query.counts = std::move(query.counts);
        of_query.values = std::move(query.values);
        return share_genes(comm, std::move(reference), std::move(of_query), config, log);
    }();

    log.stage("principal components of the reference");
    ReferenceSpace space;
    ReferenceLatents latents;
    {
        const Expression rows(shared.reference, shared, config);
        space = fit_reference_space(*backend, rows.rows(), config.denoise, seed);
    }
    const std::int64_t width = space.pca.num_components;
    log.info(std::to_string(width) + " components of " + std::to_string(shared.used.size()) + " genes");
    latents.width = width;
    latents.values =
        all_gather_v<float>(comm, std::vector<float>(space.latents.begin(), space.latents.end()));
    latents.labels = all_gather_v<std::int32_t>(comm, own_labels);
    const std::vector<double> projected = latents_in(space, Expression(shared.query, shared, config).rows());

    LatentPrior prior(backend, config.denoise, width, latents, seed);
    train_prior(comm, config, run.dir / "denoise" / "prior.h5", provenance, latents, prior, log);
    keep_config(comm, run, config);

    log.stage("denoise " + config.denoise.query);
    const Denoised denoised =
        denoise_cells(backend, prior, config, projected, width, query.first_cell, query.num_cells, log);
    LabelVotes votes;
    if (!label_names.empty())
        votes = vote_on_labels(comm, denoised.all, config.denoise.repeats, space.latents, width,
                               latents.labels, std::ssize(label_names), config.denoise.neighbours);

    log.stage("write " + output.string());
    const std::vector<float> pca(projected.begin(), projected.end());
    H5adHeader header;
    header.gene_names = shared.names;
    header.gene_ids = shared.ids;
    header.obsm = {{"X_pca", width}, {"X_dice", width}, {"X_dice_sd", width}};
    for (const auto& [name, value] : provenance) header.uns["lapatlas/" + name] = value;
    H5adRows rows;
    rows.counts = &shared.query;
    rows.obsm = {pca, denoised.mean, denoised.deviation};
    rows.names = query.cell_names;
    if (!query.label_names.empty()) {
        header.categorical_obs.push_back({config.input.label_key, query.label_names});
        rows.codes.push_back(query.labels);
    }
    if (!label_names.empty()) {
        header.categorical_obs.push_back({"predicted_label", label_names});
        rows.codes.push_back(votes.best);
        header.numeric_obs = {"label_entropy"};
        rows.numbers.push_back(votes.entropy);
        header.obsm.push_back({"label_probability", votes.num_labels});
        rows.obsm.push_back(votes.probabilities);
    }
    H5adWriter writer(comm, output, header, query.num_cells);
    writer.append(rows);
    writer.finish();

    if (const auto figures = judge(comm, query, label_names, pca, denoised, votes, width, seed)) {
        std::fputs(table_of(*figures).c_str(), stdout);
        std::filesystem::path beside = output;
        write_denoise_figures(beside.replace_extension(".figures.json"), *figures, provenance);
    }
    log.info(memory.text(comm));
}

}  // namespace lapatlas
