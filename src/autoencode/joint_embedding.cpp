#include "src/autoencode/joint_embedding.hpp"

#include <torch/torch.h>

namespace lapatlas {

namespace {

/// Beyond it a rate is absurd: a stray latent must not become a cell of a billion counts.
constexpr double kHighestLogRate = 10;

}  // namespace

NormalRows product_with_prior(const NormalRows& always, const NormalRows& sometimes,
                              const torch::Tensor& takes_part) {
    const torch::Tensor first = 1 / always.variance, second = takes_part / sometimes.variance;
    const torch::Tensor variance = 1 / (1 + first + second);
    return {(always.mean * first + sometimes.mean * second) * variance, variance};
}

JointEmbeddingImpl::JointEmbeddingImpl(const JointOptions& options) : options_(options) {
    const std::int64_t d = options.latent, width = options.width, layers = options.layers;
    gene_encoder_ =
        register_module("gene_encoder", NormalLayers(options.genes, 0, width, layers, d, kLeastVariance));
    // Beside the counts: which of them were measured.
    protein_encoder_ = register_module(
        "protein_encoder", NormalLayers(2 * options.proteins, 0, width, layers, d, kLeastVariance));
    gene_decoder_ = register_module("gene_decoder", FullLayers(d, options.batches, width, layers));
    share_ = register_module("share", torch::nn::Linear(width, options.genes));
    if (options.zero_inflated) zeros_ = register_module("zeros", torch::nn::Linear(width, options.genes));
    protein_decoder_ = register_module("protein_decoder", FullLayers(d, options.batches, width, layers));
    log_rate_ = register_module("log_rate", torch::nn::Linear(width, options.proteins));
    log_theta_ = register_parameter("log_theta", torch::zeros({options.genes}));
    protein_log_theta_ = register_parameter("protein_log_theta", torch::zeros({options.proteins}));
    protein_means_ = register_buffer("protein_means", torch::ones({options.proteins}));
}

void JointEmbeddingImpl::set_protein_means(const torch::Tensor& means) {
    // Where no cell has a count a rate can still be learned.
    protein_means_.copy_(means.clamp_min(1e-3));
}

NormalRows JointEmbeddingImpl::posterior(const torch::Tensor& x, const torch::Tensor& shown,
                                         const SumOverRanks& sum, LayerDropout* dropout) {
    const torch::Tensor proteins = proteins_of(x), is_measured = proteins.isfinite();
    const torch::Tensor seen = torch::where(is_measured, torch::log1p(proteins), 0);
    return product_with_prior(
        gene_encoder_->forward(torch::log1p(genes_of(x)), {}, sum, dropout),
        protein_encoder_->forward(torch::cat({seen, is_measured.to(seen.scalar_type())}, 1), {}, sum,
                                  dropout),
        shown * is_measured.any(1, true));
}

CountLaw JointEmbeddingImpl::decode_genes(const torch::Tensor& z, const torch::Tensor& batches,
                                          const SumOverRanks& sum) {
    const torch::Tensor h = gene_decoder_->forward(z, batches, sum, nullptr);
    return {share_->forward(h), torch::exp(log_theta_).unsqueeze(0),
            options_.zero_inflated ? zeros_->forward(h) : torch::Tensor()};
}

ProteinLaw JointEmbeddingImpl::decode_proteins(const torch::Tensor& z, const torch::Tensor& batches,
                                               const SumOverRanks& sum) {
    const torch::Tensor log_rate = log_rate_->forward(protein_decoder_->forward(z, batches, sum, nullptr));
    return {torch::exp(log_rate.clamp_max(kHighestLogRate)) * protein_means_,
            torch::exp(protein_log_theta_).unsqueeze(0)};
}

JointEmbeddingImpl::Terms JointEmbeddingImpl::terms(const CellsOfStep& cells, const torch::Tensor& noise,
                                                    const torch::Tensor& shown) {
    LayerDropout dropout(cells.draws, cells.x.size(0));
    const NormalRows q = posterior(cells.x, shown, cells.sum, &dropout);
    const torch::Tensor z = q.mean + torch::sqrt(q.variance) * noise;
    return {-log_likelihood(decode_genes(z, cells.batches, cells.sum), genes_of(cells.x), cells.totals),
            -log_likelihood(decode_proteins(z, cells.batches, cells.sum), proteins_of(cells.x)),
            kl_to_standard(q)};
}

EmbeddingLoss JointEmbeddingImpl::loss(const CellsOfStep& cells) {
    train();
    const std::int64_t d = options_.latent;
    // Its last column decides whose proteins are shown: uniform by the normal distribution's own function.
    const torch::Tensor noise = cells.draws.normals(d + 1);
    const torch::Tensor uniform = torch::special::ndtr(noise.narrow(1, d, 1));
    const Terms of_cells =
        terms(cells, noise.narrow(1, 0, d), (uniform >= cells.protein_dropout).to(noise.scalar_type()));
    const torch::Tensor reconstruction = of_cells.genes + of_cells.proteins;
    EmbeddingLoss result;
    result.loss = (reconstruction + cells.kl_weight * of_cells.kl).sum() / cells.cells_of_all_ranks;
    result.reconstruction = reconstruction.detach().sum() / cells.cells_of_all_ranks;
    result.kl = of_cells.kl.detach().sum() / cells.cells_of_all_ranks;
    return result;
}

torch::Tensor JointEmbeddingImpl::errors(const CellsOfStep& cells) {
    const torch::Tensor z = encode(cells.x).mean;
    return -log_likelihood(law(z, cells.batches), genes_of(cells.x), cells.totals) -
           log_likelihood(protein_law(z, cells.batches), proteins_of(cells.x));
}

Posterior JointEmbeddingImpl::encode(const torch::Tensor& x) {
    eval();
    const NormalRows q = posterior(x, torch::ones({x.size(0), 1}, x.options()), {}, nullptr);
    return {q.mean, torch::log(q.variance), options_.latent_noise};
}

CountLaw JointEmbeddingImpl::law(const torch::Tensor& latents, const torch::Tensor& batches) {
    eval();
    return decode_genes(latents, batches, {});
}

ProteinLaw JointEmbeddingImpl::protein_law(const torch::Tensor& latents, const torch::Tensor& batches) {
    eval();
    return decode_proteins(latents, batches, {});
}

}  // namespace lapatlas
