#pragma once

#include "src/autoencode/normal_layers.hpp"

namespace lapatlas {

struct JointOptions {
    std::int64_t genes = 0;
    std::int64_t proteins = 0;
    std::int64_t batches = 0;  ///< 0: not known
    std::int64_t width = 256;
    std::int64_t layers = 1;
    std::int64_t latent = 20;
    bool zero_inflated = false;  ///< counts of genes, beside the negative binomial
    bool latent_noise = true;    ///< a latent is a draw from the posterior, else its mean
};

/// The product of normal distributions, one of which may be no part of it: where `takes_part` [n, 1] is 0.
/// The first factor is N(0, 1), the prior (Wu & Goodman 2018, "product of experts").
NormalRows product_with_prior(const NormalRows& always, const NormalRows& sometimes,
                              const torch::Tensor& takes_part);

/// A variational autoencoder of genes and antibody counts (CITE-seq): p(z) p(genes | z, batch)
/// p(proteins | z, batch), z ~ N(0, 1). Each modality has an encoder and a decoder of its own; q(z | cell) is
/// the product of the prior and of what the encoders of the modalities that were measured say, so that cells
/// without antibody counts have latents too, and imputed counts. Genes are decoded as in scvi-tools, proteins
/// by a negative binomial around exp(.) times a protein's mean over training cells; totalVI (Gayoso et al.
/// 2021) has a mixture of foreground and background in its place, and one encoder of both.
class JointEmbeddingImpl : public torch::nn::Module, public CellEmbedding {
  public:
    explicit JointEmbeddingImpl(const JointOptions& options);
    /// [proteins] over training cells: the rates that its decoder starts from. 1 each until then.
    void set_protein_means(const torch::Tensor& means);

    torch::nn::Module& module() override { return *this; }
    std::int64_t latent() const override { return options_.latent; }
    std::int64_t num_proteins() const override { return options_.proteins; }
    bool sees_counts() const override { return true; }
    EmbeddingLoss loss(const CellsOfStep& cells) override;
    torch::Tensor errors(const CellsOfStep& cells) override;
    Posterior encode(const torch::Tensor& x) override;
    CountLaw law(const torch::Tensor& latents, const torch::Tensor& batches) override;
    ProteinLaw protein_law(const torch::Tensor& latents, const torch::Tensor& batches) override;

    /// Of the negative evidence bound, each [cells], given what is drawn for z [cells, latent] and which
    /// cells' proteins the encoder is shown [cells, 1].
    struct Terms {
        torch::Tensor genes;     ///< -log p(genes | z)
        torch::Tensor proteins;  ///< -log p(proteins | z), of those that were measured
        torch::Tensor kl;        ///< KL(q(z | cell) | N(0, 1))
    };
    Terms terms(const CellsOfStep& cells, const torch::Tensor& noise, const torch::Tensor& shown);

  private:
    /// x [cells, genes + proteins] apart.
    torch::Tensor genes_of(const torch::Tensor& x) const { return x.narrow(1, 0, options_.genes); }
    torch::Tensor proteins_of(const torch::Tensor& x) const {
        return x.narrow(1, options_.genes, options_.proteins);
    }
    NormalRows posterior(const torch::Tensor& x, const torch::Tensor& shown, const SumOverRanks& sum,
                         LayerDropout* dropout);
    CountLaw decode_genes(const torch::Tensor& z, const torch::Tensor& batches, const SumOverRanks& sum);
    ProteinLaw decode_proteins(const torch::Tensor& z, const torch::Tensor& batches, const SumOverRanks& sum);

    JointOptions options_;
    NormalLayers gene_encoder_{nullptr}, protein_encoder_{nullptr};
    FullLayers gene_decoder_{nullptr}, protein_decoder_{nullptr};
    torch::nn::Linear share_{nullptr}, zeros_{nullptr}, log_rate_{nullptr};
    torch::Tensor log_theta_, protein_log_theta_;  // [genes], [proteins]
    torch::Tensor protein_means_;                  // [proteins] buffer
};
TORCH_MODULE(JointEmbedding);

}  // namespace lapatlas
