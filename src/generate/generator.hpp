#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/backend/backend.hpp"
#include "src/config/generate_options.hpp"
#include "src/decode/count_law.hpp"
#include "src/diffusion/forward_process.hpp"
#include "src/diffusion/latent_classifier.hpp"
#include "src/diffusion/score_net.hpp"
#include "src/generate/cell_plan.hpp"
#include "src/generate/covariate_plan.hpp"
#include "src/generate/latent_manifold.hpp"
#include "src/generate/real_scorer.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Library sizes (total counts) of training cells.
struct LibraryTable {
    std::vector<std::vector<float>> by_label;  // [num_labels]
    // Where there are batches; a depth is more a batch's than a type's.
    std::vector<std::vector<float>> by_batch;      // [num_batches]
    std::vector<std::vector<float>> by_condition;  // [num_labels * num_batches]
    std::vector<float> all;                        ///< of every training cell

    /// Those a cell of this condition draws from: the first that is not empty of its label and batch, its
    /// batch, its label, all cells.
    const std::vector<float>& of(Condition condition) const;
};

/// What a trained model brings to generation.
struct GenerativeModel {
    std::shared_ptr<const Backend> backend;  ///< where all of it computes
    /// Cells generated together. Blocks are aligned on the global cell index and always computed in full, so
    /// that the shapes of matrix products, and with them rounding, depend neither on ranks nor on how many
    /// cells are asked for.
    std::int64_t block_cells = kBlockCells;
    ScoreNet score_net{nullptr};           ///< moving-average weights
    LatentClassifier classifier{nullptr};  ///< or none
    RealScorer scorer{nullptr};            ///< or none
    /// Latents [n, d] in the decoder's units and batches [n] of the cells from first_cell on -> how their
    /// counts are distributed; a dispersion of several rows is that of unlabelled cells, then label by label.
    /// What is drawn for it is keyed by seed and cell.
    std::function<CountLaw(const torch::Tensor& z, const torch::Tensor& batches, std::uint64_t seed,
                           std::int64_t first_cell)>
        decode;
    /// Latents and batches -> how their antibody counts are; empty: the model knows of none.
    std::function<ProteinLaw(const torch::Tensor& z, const torch::Tensor& batches)> decode_proteins;
    bool size_factor = true;  ///< rate = softmax(logits) library; else log rate = logits
    double latent_mean = 0;   ///< z = latent_mean + latent_std * (what the diffusion makes)
    double latent_std = 1;
    ForwardProcess process = ForwardProcess::continuous(5);
    std::shared_ptr<const CovariatePlan> covariates;  ///< or none
    LibraryTable libraries;                           ///< needed if size_factor, unless joint_library
    /// The last value the diffusion makes is log library, standardised by these (needs size_factor).
    bool joint_library = false;
    double log_library_mean = 0;
    double log_library_std = 1;
    LatentManifold manifold;  ///< empty: quality is not scored
    std::int64_t latent = 0;  ///< d
    std::int64_t num_genes = 0;
};

/// The cells [first_cell, first_cell + counts.num_rows()).
struct GeneratedBlock {
    std::int64_t first_cell = 0;
    CountMatrix counts;
    std::vector<std::int32_t> labels;   // -1 = unlabelled
    std::vector<std::int32_t> batches;  // -1 = none
    std::vector<float> library;  ///< expected total counts: the drawn library size, or the sum of the rates
    std::vector<float> latents;  // [cells, d], the decoder's units
    std::vector<float> manifold_distance;  ///< [cells] LatentManifold::distance, or empty
    /// With keep_predicted, else empty: how often a cell was made, and whether (1) the classifier predicts
    /// its label of the one that stayed.
    std::vector<float> attempts, predicted;
    std::vector<float> covariates;  // [cells, columns]
    std::vector<float>
        extrapolations;           // [cells] 1 where the conditions are those of no training cell; or empty
    std::vector<float> proteins;  // [cells, proteins] counts, or empty
    std::vector<float> scores;    ///< [cells] the chance that a cell is real, by a Scorer, or empty
};

/// Blocks of `block_cells` that hold `num_cells` cells.
std::int64_t num_blocks(std::int64_t num_cells, std::int64_t block_cells = kBlockCells);

/// Generates blocks of a plan (LapDDPM algorithm 2): latents from noise by options.solver, log rates by the
/// decoder, counts by exact draws. Rank-local; every random number is keyed by (seed, global cell), so the
/// same block comes out byte for byte on any rank of the same build and kind of machine. For that the
/// networks run on one thread here (a product split over threads rounds differently), whatever torch is set
/// to; count rows are drawn by all OpenMP threads, as no row depends on another. One block at a time.
class Generator {
  public:
    /// Views model and plan. ConfigError for a bad solver or number of steps.
    Generator(const GenerativeModel& model, const GenerateOptions& options, const CellPlan& plan,
              std::uint64_t seed);

    /// InternalError if a rate is not finite or absurdly large.
    GeneratedBlock block(std::int64_t block_index) const;

    // Its beginning, for those who time it.
    /// A block with the labels and batches of its cells, and nothing more yet.
    GeneratedBlock conditions(std::int64_t block_index) const;
    /// What the diffusion makes of them, standardised: [block_cells, d], or [block_cells, d + 1] with the log
    /// library.
    torch::Tensor diffused(const GeneratedBlock& block) const { return diffuse(block, batches_of(block), 0); }

  private:
    /// `attempt` keys other random numbers for the same cells.
    torch::Tensor diffuse(const GeneratedBlock& block, const torch::Tensor& batches,
                          std::int64_t attempt) const;
    /// Those that the classifier takes for cells of their labels, each after as many attempts as that takes;
    /// says so in the block.
    torch::Tensor diffuse_predicted(GeneratedBlock& block, const torch::Tensor& batches) const;
    /// [block_cells] as the networks take them; undefined where there are none.
    torch::Tensor batches_of(const GeneratedBlock& block) const;
    /// [block_cells, columns]; undefined where there are none.
    torch::Tensor covariates_of(const GeneratedBlock& block) const;

    const GenerativeModel& model_;
    GenerateOptions options_;
    const CellPlan& plan_;
    std::uint64_t seed_;
    TensorFunction sample_diffused_;
};

/// One block alone.
GeneratedBlock generate_block(const GenerativeModel& model, const GenerateOptions& options,
                              const CellPlan& plan, std::uint64_t seed, std::int64_t block_index);

}  // namespace lapatlas
