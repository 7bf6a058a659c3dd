#pragma once

#include "src/autoencode/cell_embedding.hpp"

namespace lapatlas {

/// An embedding of log-normalised expression, which says nothing of counts: these follow by a readout that is
/// fitted once it is trained.
class ExpressionEmbedding : public torch::nn::Module, public CellEmbedding {
  public:
    ExpressionEmbedding(std::int64_t genes, bool negative_binomial);
    torch::nn::Module& module() override { return *this; }
    bool sees_counts() const override { return false; }
    /// InternalError: of those without parameters nothing is trained.
    EmbeddingLoss loss(const CellsOfStep& cells) override;
    CountLaw law(const torch::Tensor& latents, const torch::Tensor& batches) override;
    void finish(const Communicator& comm, const EncodedBlocks& cells) override;
    /// Squared errors of log-normalised expression, means over genes.
    torch::Tensor errors(const CellsOfStep& cells) override;

    /// [cells, latent] -> [cells, genes] log(1 + x s).
    virtual torch::Tensor decode(const torch::Tensor& latents) = 0;

  private:
    bool negative_binomial_;
    torch::Tensor gains_, overdispersion_;  // [genes] buffers, see ExpressionReadout
};

}  // namespace lapatlas
