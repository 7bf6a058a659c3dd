#pragma once

#include "src/autoencode/expression_embedding.hpp"

namespace lapatlas {

/// Principal components of log-normalised expression: nothing trains them.
class LinearEmbeddingImpl : public ExpressionEmbedding {
  public:
    /// Latents (x - mean) V of `genes` with V [genes, latent] orthonormal; both are 0 until set().
    LinearEmbeddingImpl(std::int64_t genes, std::int64_t latent, bool negative_binomial);
    void set(const torch::Tensor& mean, const torch::Tensor& loadings);
    std::int64_t latent() const override { return loadings_.size(1); }
    Posterior encode(const torch::Tensor& x) override;
    torch::Tensor decode(const torch::Tensor& latents) override;

  private:
    torch::Tensor mean_;      // [genes]
    torch::Tensor loadings_;  // [genes, latent]
};
TORCH_MODULE(LinearEmbedding);

/// The log-normalised genes themselves (Rackl et al., "HVG": with prepare.keep_variable_genes).
class GeneEmbeddingImpl : public ExpressionEmbedding {
  public:
    GeneEmbeddingImpl(std::int64_t genes, bool negative_binomial)
        : ExpressionEmbedding(genes, negative_binomial), genes_(genes) {}
    std::int64_t latent() const override { return genes_; }
    Posterior encode(const torch::Tensor& x) override;
    torch::Tensor decode(const torch::Tensor& latents) override { return latents; }

  private:
    std::int64_t genes_;
};
TORCH_MODULE(GeneEmbedding);

}  // namespace lapatlas
