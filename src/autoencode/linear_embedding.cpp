#include "src/autoencode/linear_embedding.hpp"

#include <torch/torch.h>

namespace lapatlas {

LinearEmbeddingImpl::LinearEmbeddingImpl(std::int64_t genes, std::int64_t latent, bool negative_binomial)
    : ExpressionEmbedding(genes, negative_binomial) {
    mean_ = register_buffer("mean", torch::zeros({genes}));
    loadings_ = register_buffer("loadings", torch::zeros({genes, latent}));
}

void LinearEmbeddingImpl::set(const torch::Tensor& mean, const torch::Tensor& loadings) {
    mean_.copy_(mean);
    loadings_.copy_(loadings);
}

Posterior LinearEmbeddingImpl::encode(const torch::Tensor& x) {
    const torch::Tensor z = torch::mm(x - mean_, loadings_);
    return {z, torch::zeros_like(z), false};
}

torch::Tensor LinearEmbeddingImpl::decode(const torch::Tensor& latents) {
    return torch::addmm(mean_, latents, loadings_.t());
}

Posterior GeneEmbeddingImpl::encode(const torch::Tensor& x) { return {x, torch::zeros_like(x), false}; }

}  // namespace lapatlas
