#include "src/generate/generator.hpp"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dist/error.hpp"
#include "src/diffusion/solvers.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

/// Where the number of an attempt stands in what keys a cell's random numbers; cells stay below.
constexpr int kAttemptShift = 44;

/// One torch thread while it lives. torch's setting is OpenMP's too, so it must end before the counts are
/// drawn.
class OneTorchThread {
  public:
    OneTorchThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
    ~OneTorchThread() { at::set_num_threads(before_); }
    OneTorchThread(const OneTorchThread&) = delete;
    OneTorchThread& operator=(const OneTorchThread&) = delete;

  private:
    int before_;
};

/// Codes of the block's real cells for the whole block; what is beyond them is `rest`.
std::vector<std::int64_t> block_codes(const std::vector<std::int32_t>& codes, std::int64_t rest,
                                      std::int64_t block_cells) {
    std::vector<std::int64_t> all(codes.begin(), codes.end());
    all.resize(static_cast<std::size_t>(block_cells), rest);
    return all;
}

/// Predicts with every cell's label, or with the null label where `labels` is undefined.
NoisePredictor network_predictor(ScoreNet net, const torch::Tensor& labels, const torch::Tensor& batches,
                                 const torch::Tensor& covariates, std::int64_t cells,
                                 const torch::TensorOptions& options) {
    const torch::Tensor chosen = labels.defined() ? labels : torch::full({cells}, net->null_label(), options);
    return [net, chosen, batches, covariates](const at::Tensor& z, double t) mutable {
        return net->forward_at(z, t, chosen, batches, covariates);
    };
}

/// {labels, batches, cells, covariates}, each of a block's cells, batches and covariates undefined where
/// there are none, -> what the diffusion makes of them, standardised: [cells, d], or [cells, d + 1] with the
/// log library.
TensorFunction diffused_sampler(const GenerativeModel& model, const GenerateOptions& options,
                                std::uint64_t seed) {
    if (options.steps > std::numeric_limits<int>::max())
        throw ConfigError("generate.steps = " + std::to_string(options.steps) + ": too many");
    const std::int64_t width = model.latent + (model.joint_library ? 1 : 0);
    return model.backend->repeated(
        [backend = model.backend, net = model.score_net, width, seed, block_cells = model.block_cells,
         guidance = options.guidance, classifier = model.classifier, scale = options.classifier_guidance,
         solver = solver_from_name(options.solver), steps = static_cast<int>(options.steps),
         process = model.process](const std::vector<torch::Tensor>& inputs) {
            const torch::Tensor &labels = inputs[0], &batches = inputs[1], &cells = inputs[2],
                                &covariates = inputs[3];
            const auto predictor = [&](const torch::Tensor& given) {
                return network_predictor(net, given, batches, covariates, block_cells, labels.options());
            };
            const auto normals = [&](int step, RandomStream stream) {
                return backend->normals({seed, static_cast<std::uint32_t>(step), cells}, stream, width);
            };
            const NoisePredictor of_net = guided(predictor(labels), predictor({}), guidance);
            return solve(solver,
                         classifier_guided(of_net, classifier, labels, scale, process.time_at(kGuidedShare)),
                         normals(0, RandomStream::kGenerateStart), steps, process,
                         [&](int step) { return normals(step, RandomStream::kGenerateNoise); });
        });
}

float draw_library(const LibraryTable& table, Condition condition, const PlacedRandom& random,
                   std::int64_t cell) {
    const std::vector<float>& sizes = table.of(condition);
    ensure(!sizes.empty(), "a size-factor model knows library sizes of training cells");
    const double place = random.uniform(static_cast<std::uint64_t>(cell)) * static_cast<double>(sizes.size());
    return sizes[static_cast<std::size_t>(place)];
}

/// Library sizes [cells] from the last column of what the diffusion made.
std::vector<float> diffused_libraries(const GenerativeModel& model, const torch::Tensor& diffused,
                                      std::int64_t cells) {
    std::vector<float> sizes;
    const torch::Tensor column = diffused.select(1, model.latent).cpu().contiguous();
    for (std::int64_t i = 0; i < cells; ++i) {
        // Beyond six deviations no cell was seen: a stray sample must not become a cell of a billion counts.
        const double standard = std::clamp(static_cast<double>(column.data_ptr<float>()[i]), -6.0, 6.0);
        sizes.push_back(
            static_cast<float>(std::exp(model.log_library_mean + model.log_library_std * standard)));
    }
    return sizes;
}

/// Takes away counts with the probability sigmoid(zero_logits) [cells of a block, genes].
void drop_excess_zeros(const torch::Tensor& zero_logits, std::uint64_t seed, GeneratedBlock& block) {
    const torch::Tensor chance = torch::sigmoid(zero_logits).cpu().contiguous();
    const PlacedRandom random(seed, RandomStream::kExcessZeros);
    CountMatrix kept;
    kept.num_genes = block.counts.num_genes;
    for (std::int64_t row = 0; row < block.counts.num_rows(); ++row) {
        const float* of_row = chance.const_data_ptr<float>() + row * chance.size(1);
        const SparseCounts cell = row_of(block.counts, row);
        for (std::int64_t e = 0; e < cell.size; ++e) {
            const auto draw = static_cast<std::uint32_t>(cell.genes[e]);
            if (random.uniform(static_cast<std::uint64_t>(block.first_cell + row), 0, draw) <
                static_cast<double>(of_row[cell.genes[e]]))
                continue;
            kept.gene_indices.push_back(cell.genes[e]);
            kept.values.push_back(cell.values[e]);
        }
        kept.row_offsets.push_back(std::ssize(kept.values));
    }
    block.counts = std::move(kept);
}

/// Draws antibody counts of the block's cells.
void draw_proteins(const GenerativeModel& model, const ProteinLaw& law, std::uint64_t seed,
                   GeneratedBlock& block) {
    // Other numbers than those of the genes.
    constexpr std::uint64_t kSeedOfProteins = 0x9207e195ULL;
    const BlockDraws draws{.logits = torch::log(law.rates).contiguous(),
                           .cells = std::ssize(block.labels),
                           .dispersion = law.dispersion,
                           .dispersion_rows = {},
                           .seed = seed ^ kSeedOfProteins,
                           .first_cell = block.first_cell,
                           .log_offset = [](std::int64_t, double) { return 0.0F; }};
    const CountMatrix counts = model.backend->draw_counts(draws);
    block.proteins.assign(static_cast<std::size_t>(counts.num_rows() * counts.num_genes), 0);
    for (std::int64_t row = 0; row < counts.num_rows(); ++row) {
        const SparseCounts cell = row_of(counts, row);
        for (std::int64_t e = 0; e < cell.size; ++e)
            block.proteins[static_cast<std::size_t>(row * counts.num_genes + cell.genes[e])] = cell.values[e];
    }
}

/// Draws the rows of `block` (its labels and first_cell are set, and its library if joint_library) from
/// `law` of a block's cells into its counts and library.
void draw_counts(const GenerativeModel& model, const GenerateOptions& options, const CountLaw& law,
                 std::uint64_t seed, GeneratedBlock& block) {
    const PlacedRandom library_random(seed, RandomStream::kGenerateLibrary);
    block.library.resize(block.labels.size());
    BlockDraws draws{.logits = law.logits,
                     .cells = std::ssize(block.labels),
                     .dispersion = law.dispersion,
                     .dispersion_rows = {},
                     .seed = seed,
                     .first_cell = block.first_cell,
                     .log_offset = {}};
    if (law.dispersion.defined() && law.dispersion.size(0) > 1)
        for (const std::int32_t label : block.labels) draws.dispersion_rows.push_back(label + 1);
    draws.log_offset = [&](std::int64_t row, double log_total) {
        const auto at = static_cast<std::size_t>(row);
        float& library = block.library[at];
        if (!model.size_factor) {
            library = static_cast<float>(std::exp(log_total));
            return 0.0f;
        }
        if (options.library_size > 0)
            library = static_cast<float>(options.library_size);
        else if (!model.joint_library)
            library = draw_library(model.libraries, {block.labels[at], block.batches[at]}, library_random,
                                   block.first_cell + row);
        return static_cast<float>(std::log(static_cast<double>(library)) - log_total);
    };
    block.counts = model.backend->draw_counts(draws);
    if (law.zero_logits.defined()) drop_excess_zeros(law.zero_logits, seed, block);
}

}  // namespace

const std::vector<float>& LibraryTable::of(Condition condition) const {
    const auto label = static_cast<std::size_t>(condition.label);
    const auto batch = static_cast<std::size_t>(condition.batch);
    if (!by_batch.empty() && condition.batch >= 0) {
        if (condition.label >= 0)
            if (const auto& own = by_condition[label * by_batch.size() + batch]; !own.empty()) return own;
        if (!by_batch[batch].empty()) return by_batch[batch];
    }
    if (condition.label >= 0 && !by_label[label].empty()) return by_label[label];
    return all;
}

std::int64_t num_blocks(std::int64_t num_cells, std::int64_t block_cells) {
    return (num_cells + block_cells - 1) / block_cells;
}

Generator::Generator(const GenerativeModel& model, const GenerateOptions& options, const CellPlan& plan,
                     std::uint64_t seed)
    : model_(model),
      options_(options),
      plan_(plan),
      seed_(seed),
      sample_diffused_(diffused_sampler(model, options, seed)) {
    ensure(!model.size_factor || model.joint_library ||
               static_cast<std::int64_t>(model.libraries.by_label.size()) ==
                   model.score_net->options().num_labels,
           "the library table has the ScoreNet's labels");
}

GeneratedBlock Generator::conditions(std::int64_t block_index) const {
    const GenerativeModel& model = model_;
    ensure(block_index >= 0 && block_index < num_blocks(plan_.num_cells(), model.block_cells),
           "the block is one of the plan's");
    GeneratedBlock block;
    block.first_cell = block_index * model.block_cells;
    const std::int64_t num_rows = std::min(model.block_cells, plan_.num_cells() - block.first_cell);
    for (std::int64_t i = 0; i < num_rows; ++i) {
        const Condition condition = plan_.condition(seed_, block.first_cell + i);
        block.labels.push_back(condition.label);
        block.batches.push_back(condition.batch);
        if (model.covariates == nullptr) continue;
        const std::size_t start = block.covariates.size();
        model.covariates->append(seed_, block.first_cell + i, condition, block.covariates);
        block.extrapolations.push_back(
            model.covariates->is_extrapolation(condition, block.covariates.data() + start) ? 1.0F : 0.0F);
    }
    return block;
}

torch::Tensor Generator::batches_of(const GeneratedBlock& block) const {
    if (model_.score_net->options().num_batches == 0) return {};
    return model_.backend->tensor(block_codes(block.batches, 0, model_.block_cells));
}

torch::Tensor Generator::covariates_of(const GeneratedBlock& block) const {
    if (model_.covariates == nullptr) return {};
    std::vector<float> all = block.covariates;
    all.resize(static_cast<std::size_t>(model_.block_cells * model_.covariates->num_columns()),
               std::numeric_limits<float>::quiet_NaN());
    return model_.backend->tensor(all).reshape({model_.block_cells, model_.covariates->num_columns()});
}

torch::Tensor Generator::diffuse(const GeneratedBlock& block, const torch::Tensor& batches,
                                 std::int64_t attempt) const {
    const c10::InferenceMode no_gradient;
    const OneTorchThread one_thread;
    std::vector<std::int64_t> cells(static_cast<std::size_t>(model_.block_cells));
    std::iota(cells.begin(), cells.end(), block.first_cell + (attempt << kAttemptShift));
    const Backend& backend = *model_.backend;
    return sample_diffused_({backend.tensor(block_codes(block.labels, -1, model_.block_cells)), batches,
                             backend.tensor(cells), covariates_of(block)});
}

torch::Tensor Generator::diffuse_predicted(GeneratedBlock& block, const torch::Tensor& batches) const {
    const torch::Tensor labels = model_.backend->tensor(block_codes(block.labels, -1, model_.block_cells));
    LatentClassifier classifier = model_.classifier;
    const auto is_right = [&](const torch::Tensor& made) {
        return (classifier->predict(made) == labels) | (labels < 0);
    };
    torch::Tensor kept = diffuse(block, batches, 0).clone();
    torch::Tensor accepted = is_right(kept), attempts = torch::ones({model_.block_cells}, kept.options());
    // The whole block each time: the shapes of products, and with them rounding, stay.
    for (std::int64_t attempt = 1; attempt < options_.most_attempts && !accepted.all().item<bool>();
         ++attempt) {
        const torch::Tensor made = diffuse(block, batches, attempt);
        kept = torch::where(accepted.unsqueeze(1), kept, made);
        attempts = attempts + accepted.logical_not();
        accepted = accepted | is_right(made);
    }
    const auto to_host = [&](const torch::Tensor& values) {
        const torch::Tensor host = values.to(torch::kCPU, torch::kFloat32).contiguous();
        return std::vector<float>(host.const_data_ptr<float>(),
                                  host.const_data_ptr<float>() + block.labels.size());
    };
    block.attempts = to_host(attempts);
    block.predicted = to_host(accepted);
    return kept;
}

GeneratedBlock Generator::block(std::int64_t block_index) const {
    const GenerativeModel& model = model_;
    GeneratedBlock block = conditions(block_index);
    const std::int64_t num_rows = std::ssize(block.labels);
    CountLaw law;
    ProteinLaw proteins;
    {
        const c10::InferenceMode no_gradient;
        const OneTorchThread one_thread;
        const torch::Tensor batches = batches_of(block);
        const torch::Tensor made =
            options_.keep_predicted ? diffuse_predicted(block, batches) : diffuse(block, batches, 0);
        const torch::Tensor latents =
            (made.narrow(1, 0, model.latent) * model.latent_std + model.latent_mean).contiguous();
        if (model.joint_library) block.library = diffused_libraries(model, made, num_rows);
        const torch::Tensor on_host = latents.cpu();
        const float* values = on_host.const_data_ptr<float>();
        block.latents.assign(values, values + num_rows * model.latent);
        law = model.decode(latents, batches, seed_, block.first_cell);
        law.logits = law.logits.contiguous();
        if (model.decode_proteins) proteins = model.decode_proteins(latents, batches);
    }
    ensure(law.logits.dim() == 2 && law.logits.size(0) == model.block_cells &&
               law.logits.size(1) == model.num_genes && law.logits.scalar_type() == torch::kFloat,
           "the decoder gives float32 [cells, genes]");
    if (!model.manifold.is_empty()) {
        block.manifold_distance.resize(static_cast<std::size_t>(num_rows));
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < num_rows; ++i)
            block.manifold_distance[static_cast<std::size_t>(i)] = model.manifold.distance(
                block.latents.data() + i * model.latent, block.labels[static_cast<std::size_t>(i)]);
    }
    draw_counts(model, options_, law, seed_, block);
    if (model.decode_proteins) draw_proteins(model, proteins, seed_, block);
    if (options_.keep_best < 1) {
        const c10::InferenceMode no_gradient;
        const OneTorchThread one_thread;
        block.scores = real_scores(model.scorer, block.counts, model.backend->device());
    }
    return block;
}

GeneratedBlock generate_block(const GenerativeModel& model, const GenerateOptions& options,
                              const CellPlan& plan, std::uint64_t seed, std::int64_t block_index) {
    return Generator(model, options, plan, seed).block(block_index);
}

}  // namespace lapatlas
