#include "src/generate/generator.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <span>

#include "dist/error.hpp"
#include "src/decode/count_sampling.hpp"
#include "src/diffusion/solvers.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

/// Rows that one thread draws at a time.
constexpr std::int64_t kRowsATask = 16;

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

/// Standard normals [kBlockCells, width], row i keyed by cell first_cell + i.
at::Tensor normals_of_cells(const PlacedRandom& random, std::int64_t first_cell, std::uint32_t step,
                            std::int64_t width) {
    at::Tensor out = at::empty({kBlockCells, width}, at::kFloat);
    float* rows = out.data_ptr<float>();
    for (std::int64_t i = 0; i < kBlockCells; ++i)
        random.fill_normals(static_cast<std::uint64_t>(first_cell + i), step, rows + i * width, width);
    return out;
}

/// Codes of the block's real cells as a tensor of the whole block; what is beyond them is `rest`.
at::Tensor block_codes(const std::vector<std::int32_t>& codes, std::int64_t rest) {
    at::Tensor tensor = at::full({kBlockCells}, rest, at::TensorOptions(at::kLong));
    std::copy(codes.begin(), codes.end(), tensor.data_ptr<std::int64_t>());
    return tensor;
}

/// Predicts with every cell's label, or with the null label where `labels` is undefined.
NoisePredictor network_predictor(ScoreNet net, const at::Tensor& labels, const at::Tensor& batches) {
    const at::Tensor chosen =
        labels.defined() ? labels : at::full({kBlockCells}, net->null_label(), at::TensorOptions(at::kLong));
    return [net, chosen, batches](const at::Tensor& z, double t) mutable {
        return net->forward_at(z, t, chosen, batches);
    };
}

/// What the diffusion makes, standardised: [kBlockCells, d], or [kBlockCells, d + 1] with the log library.
at::Tensor sample_diffused(const GenerativeModel& model, const GenerateOptions& options,
                           const at::Tensor& labels, const at::Tensor& batches, std::uint64_t seed,
                           std::int64_t first_cell) {
    const NoisePredictor predict =
        guided(network_predictor(model.score_net, labels, batches),
               network_predictor(model.score_net, at::Tensor(), batches), options.guidance);
    const PlacedRandom start(seed, RandomStream::kGenerateStart);
    const PlacedRandom noise(seed, RandomStream::kGenerateNoise);
    if (options.steps > std::numeric_limits<int>::max())
        throw ConfigError("generate.steps = " + std::to_string(options.steps) + ": too many");
    const std::int64_t width = model.latent + (model.joint_library ? 1 : 0);
    return solve(solver_from_name(options.solver), predict, normals_of_cells(start, first_cell, 0, width),
                 static_cast<int>(options.steps), model.diffusion_time, [&](int step) {
                     return normals_of_cells(noise, first_cell, static_cast<std::uint32_t>(step), width);
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
std::vector<float> diffused_libraries(const GenerativeModel& model, const at::Tensor& diffused,
                                      std::int64_t cells) {
    std::vector<float> sizes;
    const at::Tensor column = diffused.select(1, model.latent).contiguous();
    for (std::int64_t i = 0; i < cells; ++i) {
        // Beyond six deviations no cell was seen: a stray sample must not become a cell of a billion counts.
        const double standard = std::clamp(static_cast<double>(column.data_ptr<float>()[i]), -6.0, 6.0);
        sizes.push_back(
            static_cast<float>(std::exp(model.log_library_mean + model.log_library_std * standard)));
    }
    return sizes;
}

/// Draws the rows of `block` (its labels and first_cell are set, and its library if joint_library) from
/// `logits` [kBlockCells, num_genes] into its counts and library.
void draw_counts(const GenerativeModel& model, const GenerateOptions& options, const at::Tensor& logits,
                 std::uint64_t seed, GeneratedBlock& block) {
    struct Rows {
        std::vector<std::int64_t> ends;  // of each row, within the task
        std::vector<std::int32_t> genes;
        std::vector<float> counts;
    };
    const auto num_rows = static_cast<std::int64_t>(block.labels.size());
    const std::int64_t num_tasks = (num_rows + kRowsATask - 1) / kRowsATask;
    const PlacedRandom library_random(seed, RandomStream::kGenerateLibrary);
    const float* all_logits = logits.data_ptr<float>();
    std::vector<Rows> tasks(static_cast<std::size_t>(num_tasks));
    // Exceptions must not leave a parallel region: each task keeps its own, and the first row's is thrown.
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(num_tasks));
    block.library.resize(static_cast<std::size_t>(num_rows));

    const auto draw_task = [&](std::int64_t task) {
        Rows& rows = tasks[static_cast<std::size_t>(task)];
        for (std::int64_t i = task * kRowsATask; i < std::min(num_rows, (task + 1) * kRowsATask); ++i) {
            const std::span<const float> row(all_logits + i * model.num_genes,
                                             static_cast<std::size_t>(model.num_genes));
            const std::int64_t cell = block.first_cell + i;
            const double log_total = log_sum_exp(row);
            float library = static_cast<float>(std::exp(log_total));
            double log_offset = 0;
            if (model.size_factor) {
                const auto at = static_cast<std::size_t>(i);
                if (options.library_size > 0)
                    library = static_cast<float>(options.library_size);
                else if (model.joint_library)
                    library = block.library[at];
                else
                    library = draw_library(model.libraries, {block.labels[at], block.batches[at]},
                                           library_random, cell);
                log_offset = std::log(static_cast<double>(library)) - log_total;
            }
            sample_counts_row(row, static_cast<float>(log_offset),
                              model.dispersions_of(block.labels[static_cast<std::size_t>(i)]), {seed, cell},
                              rows.genes, rows.counts);
            rows.ends.push_back(static_cast<std::int64_t>(rows.genes.size()));
            block.library[static_cast<std::size_t>(i)] = library;
        }
    };
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t task = 0; task < num_tasks; ++task) {
        try {
            draw_task(task);
        } catch (...) {
            failures[static_cast<std::size_t>(task)] = std::current_exception();
        }
    }
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);

    CountMatrix& counts = block.counts;
    counts.num_genes = model.num_genes;
    for (const Rows& rows : tasks) {
        const std::int64_t before = counts.num_nonzeros();
        for (const std::int64_t end : rows.ends) counts.row_offsets.push_back(before + end);
        counts.gene_indices.insert(counts.gene_indices.end(), rows.genes.begin(), rows.genes.end());
        counts.values.insert(counts.values.end(), rows.counts.begin(), rows.counts.end());
    }
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

std::span<const float> GenerativeModel::dispersions_of(std::int32_t label) const {
    const auto genes = static_cast<std::size_t>(num_genes);
    const std::span<const float> all = dispersions;
    return all.size() <= genes ? all : all.subspan(static_cast<std::size_t>(label + 1) * genes, genes);
}

std::int64_t num_blocks(std::int64_t num_cells) { return (num_cells + kBlockCells - 1) / kBlockCells; }

GeneratedBlock generate_block(const GenerativeModel& model, const GenerateOptions& options,
                              const CellPlan& plan, std::uint64_t seed, std::int64_t block_index) {
    ensure(block_index >= 0 && block_index < num_blocks(plan.num_cells()), "the block is one of the plan's");
    ensure(!model.size_factor || model.joint_library ||
               static_cast<std::int64_t>(model.libraries.by_label.size()) ==
                   model.score_net->options().num_labels,
           "the library table has the ScoreNet's labels");
    GeneratedBlock block;
    block.first_cell = block_index * kBlockCells;
    const std::int64_t num_rows = std::min(kBlockCells, plan.num_cells() - block.first_cell);
    for (std::int64_t i = 0; i < num_rows; ++i) {
        const Condition condition = plan.condition(seed, block.first_cell + i);
        block.labels.push_back(condition.label);
        block.batches.push_back(condition.batch);
    }

    at::Tensor logits;
    {
        const c10::InferenceMode no_gradient;
        const OneTorchThread one_thread;
        const at::Tensor batches =
            model.score_net->options().num_batches > 0 ? block_codes(block.batches, 0) : at::Tensor();
        const at::Tensor diffused =
            sample_diffused(model, options, block_codes(block.labels, -1), batches, seed, block.first_cell);
        const at::Tensor latents =
            (diffused.narrow(1, 0, model.latent) * model.latent_std + model.latent_mean).contiguous();
        if (model.joint_library) block.library = diffused_libraries(model, diffused, num_rows);
        const float* values = latents.data_ptr<float>();
        block.latents.assign(values, values + num_rows * model.latent);
        logits = model.decode_logits(latents, batches, seed, block.first_cell).contiguous();
    }
    ensure(logits.dim() == 2 && logits.size(0) == kBlockCells && logits.size(1) == model.num_genes &&
               logits.scalar_type() == at::kFloat,
           "the decoder gives float32 [cells, genes]");
    if (!model.manifold.is_empty()) {
        block.manifold_distance.resize(static_cast<std::size_t>(num_rows));
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < num_rows; ++i)
            block.manifold_distance[static_cast<std::size_t>(i)] = model.manifold.distance(
                block.latents.data() + i * model.latent, block.labels[static_cast<std::size_t>(i)]);
    }
    draw_counts(model, options, logits, seed, block);
    return block;
}

}  // namespace lapatlas
