#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>

#include "src/decode/count_law.hpp"
#include "src/decode/expression_readout.hpp"
#include "src/diffusion/synchronised_norm.hpp"
#include "src/embed/spectral_encoder.hpp"

namespace lapatlas {

/// Draws of a step's layers: dropout is empty where nothing is dropped.
struct StepDraws {
    std::function<torch::Tensor(std::int64_t width)> normals;  ///< [cells, width], called once
    std::function<torch::Tensor(const torch::Tensor&, std::uint32_t layer)> dropout;
};

/// Cells of one step on this rank.
struct CellsOfStep {
    torch::Tensor x;                   // [cells, genes + num_proteins()] what the embedding sees of them
    torch::Tensor totals;              // [cells] counts of a cell
    torch::Tensor labels;              // [cells] int64, -1 unlabelled
    torch::Tensor batches;             // [cells] int64; undefined where there are none
    double cells_of_all_ranks = 1;     ///< that the step's loss is a mean over
    double labelled_of_all_ranks = 0;  ///< of them, those with a label
    double kl_weight = 1, classification_weight = 1;
    double protein_dropout = 0;  ///< chance that the encoder is not shown a cell's proteins
    StepDraws draws;
    SumOverRanks sum;
};

/// This rank's part of a step's loss: call backward() on `loss`. The terms, without gradients, are means a
/// cell; undefined where an embedding has none.
struct EmbeddingLoss {
    torch::Tensor loss;
    torch::Tensor reconstruction, kl;
};

/// What latents say of counts.
class CountModel {
  public:
    virtual ~CountModel() = default;
    /// Antibody counts that it knows of beside genes.
    virtual std::int64_t num_proteins() const { return 0; }
    /// The same of them; nothing where there are none.
    virtual ProteinLaw protein_law(const torch::Tensor& /*latents*/, const torch::Tensor& /*batches*/) {
        return {};
    }
    /// [cells, latent] and batches [cells] -> how their counts are distributed.
    virtual CountLaw law(const torch::Tensor& latents, const torch::Tensor& batches) = 0;
};

/// An embedding that looks at each cell alone: counts to latents and back. What training fits are the
/// parameters of module(); one without any has no steps.
class CellEmbedding : public CountModel {
  public:
    virtual torch::nn::Module& module() = 0;
    virtual std::int64_t latent() const = 0;
    /// Whether it sees raw counts; else log(1 + x s), s = prepare.target_sum / total.
    virtual bool sees_counts() const = 0;

    /// Collective, as cells.sum is, and so is backward() of the result.
    virtual EmbeddingLoss loss(const CellsOfStep& cells) = 0;
    /// [cells] how badly cells are told from their own latents' means, without any draws: what validation
    /// looks at. Of `loss` the reconstruction.
    virtual torch::Tensor errors(const CellsOfStep& cells) = 0;
    /// x [cells, genes + num_proteins()] -> latents [cells, latent].
    virtual Posterior encode(const torch::Tensor& x) = 0;

    /// Collective, once trained. Fits what law() needs beyond the parameters to the training cells: calls
    /// `cells` for this rank's, block by block.
    struct EncodedBlock {
        torch::Tensor counts, latents, totals;  // [cells, genes], [cells, latent], [cells]
    };
    using EncodedBlocks = std::function<void(const std::function<void(const EncodedBlock&)>&)>;
    virtual void finish(const Communicator& /*comm*/, const EncodedBlocks& /*cells*/) {}
};

}  // namespace lapatlas
