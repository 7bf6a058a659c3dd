#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include "src/autoencode/expression_embedding.hpp"

namespace lapatlas {

struct AutoencoderOptions {
    std::int64_t genes = 0;
    std::int64_t width = 1024;
    std::int64_t layers = 3;
    std::int64_t latent = 128;
    bool unit_length = false;  ///< latents are scaled to length 1, as scDiffusion's (SCimilarity's encoder)
    bool negative_binomial = true;  ///< counts of what is decoded; else Poisson
};

/// (Linear, batch norm over all ranks, PReLU) x layers and a last Linear.
class AutoencoderStackImpl : public torch::nn::Module {
  public:
    AutoencoderStackImpl(std::int64_t in, std::int64_t width, std::int64_t layers, std::int64_t out);
    torch::Tensor forward(const torch::Tensor& x, const SumOverRanks& sum);

  private:
    torch::nn::ModuleList linears_{nullptr}, norms_{nullptr};
    std::vector<torch::Tensor> slopes_;  // [1] each, of the PReLUs
    torch::nn::Linear last_{nullptr};
};
TORCH_MODULE(AutoencoderStack);

/// The autoencoder of scDiffusion (Luo et al. 2024) and of Rackl et al., with the architecture of SCimilarity
/// (Heimberg et al. 2025): it minimises the squared error of log-normalised expression, mean over genes.
class AutoencoderImpl : public ExpressionEmbedding {
  public:
    explicit AutoencoderImpl(const AutoencoderOptions& options);
    std::int64_t latent() const override { return options_.latent; }
    EmbeddingLoss loss(const CellsOfStep& cells) override;
    Posterior encode(const torch::Tensor& x) override;
    torch::Tensor decode(const torch::Tensor& latents) override;

  private:
    torch::Tensor latents_of(const torch::Tensor& x, const SumOverRanks& sum);

    AutoencoderOptions options_;
    AutoencoderStack encoder_{nullptr}, decoder_{nullptr};
};
TORCH_MODULE(Autoencoder);

}  // namespace lapatlas
