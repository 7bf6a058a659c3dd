#pragma once

#include "src/autoencode/normal_layers.hpp"

namespace lapatlas {

struct ScanviOptions {
    std::int64_t genes = 0;
    std::int64_t labels = 0;
    std::int64_t batches = 0;  ///< 0: not known
    std::int64_t width = 128;
    std::int64_t layers = 1;
    std::int64_t latent = 10;
    bool zero_inflated = true;  ///< counts, beside the negative binomial
    bool latent_noise = true;   ///< a latent is a draw from the posterior, else its mean
};

/// scANVI (Xu et al. 2021): a variational autoencoder of counts whose latent z1 depends on the cell's label,
/// known or not, and a latent z2: p(z2) p(y) p(z1 | z2, y) p(x | z1, batch). q(z1 | x), q(y | z1) and
/// q(z2 | z1, y) are networks. Unlabelled cells are averaged over q(y | z1), as labelled ones are; the label
/// enters by its cross-entropy. Architecture, loss and constants are scvi-tools' (scvi.module.SCANVAE), whose
/// loss on the same weights the tests compare with; here the cells whose labels are learned are those of the
/// step itself, and the batch norms are over all ranks.
class ScanviImpl : public torch::nn::Module, public CellEmbedding {
  public:
    explicit ScanviImpl(const ScanviOptions& options);
    torch::nn::Module& module() override { return *this; }
    std::int64_t latent() const override { return options_.latent; }
    bool sees_counts() const override { return true; }
    EmbeddingLoss loss(const CellsOfStep& cells) override;
    torch::Tensor errors(const CellsOfStep& cells) override;
    Posterior encode(const torch::Tensor& x) override;
    CountLaw law(const torch::Tensor& latents, const torch::Tensor& batches) override;

    /// The terms of the loss, each [cells], given what is drawn for z1 [cells, latent] and, label after
    /// label, for z2 [labels x cells, latent].
    struct Terms {
        torch::Tensor reconstruction;  ///< -log p(x | z1)
        torch::Tensor latent;          ///< log q(z1 | x) - E_y log p(z1 | z2, y)
        torch::Tensor kl;              ///< E_y KL(q(z2 | z1, y) | N(0, 1)) + KL(q(y | z1) | uniform)
        torch::Tensor cross_entropy;   ///< of the label given the mean of z1; 0 of unlabelled cells
    };
    Terms terms(const CellsOfStep& cells, const torch::Tensor& noise_1, const torch::Tensor& noise_2);

  private:
    CountLaw decode(const torch::Tensor& z, const torch::Tensor& batches, const SumOverRanks& sum);
    torch::Tensor classify(const torch::Tensor& z, const SumOverRanks& sum, LayerDropout* dropout);

    ScanviOptions options_;
    NormalLayers encoder_{nullptr}, encoder_2_{nullptr}, decoder_2_{nullptr};
    FullLayers decoder_{nullptr}, classifier_{nullptr};
    torch::nn::Linear share_{nullptr}, zeros_{nullptr}, labels_{nullptr};
    torch::Tensor log_theta_;  // [genes]
};
TORCH_MODULE(Scanvi);

}  // namespace lapatlas
