#include "src/autoencode/scanvi.hpp"

#include <torch/torch.h>

#include <cmath>

namespace lapatlas {

ScanviImpl::ScanviImpl(const ScanviOptions& options) : options_(options) {
    const std::int64_t d = options.latent, width = options.width, layers = options.layers;
    encoder_ = register_module("encoder", NormalLayers(options.genes, 0, width, layers, d, kLeastVariance));
    decoder_ = register_module("decoder", FullLayers(d, options.batches, width, layers));
    share_ = register_module("share", torch::nn::Linear(width, options.genes));
    if (options.zero_inflated) zeros_ = register_module("zeros", torch::nn::Linear(width, options.genes));
    encoder_2_ =
        register_module("encoder_2", NormalLayers(d, options.labels, width, layers, d, kLeastVariance));
    decoder_2_ = register_module("decoder_2", NormalLayers(d, options.labels, width, layers, d, 0));
    classifier_ = register_module("classifier", FullLayers(d, 0, width, layers));
    labels_ = register_module("labels", torch::nn::Linear(width, options.labels));
    log_theta_ = register_parameter("log_theta", torch::zeros({options.genes}));
}

torch::Tensor ScanviImpl::classify(const torch::Tensor& z, const SumOverRanks& sum, LayerDropout* dropout) {
    return torch::log_softmax(labels_->forward(classifier_->forward(z, {}, sum, dropout)), 1);
}

CountLaw ScanviImpl::decode(const torch::Tensor& z, const torch::Tensor& batches, const SumOverRanks& sum) {
    const torch::Tensor h = decoder_->forward(z, batches, sum, nullptr);
    return {share_->forward(h), torch::exp(log_theta_).unsqueeze(0),
            options_.zero_inflated ? zeros_->forward(h) : torch::Tensor()};
}

ScanviImpl::Terms ScanviImpl::terms(const CellsOfStep& cells, const torch::Tensor& noise_1,
                                    const torch::Tensor& noise_2) {
    const std::int64_t labels = options_.labels, n = cells.x.size(0);
    LayerDropout dropout(cells.draws, n);
    const NormalRows q1 = encoder_->forward(torch::log1p(cells.x), {}, cells.sum, &dropout);
    const torch::Tensor z1 = q1.mean + torch::sqrt(q1.variance) * noise_1;

    // Every cell under every label, label after label.
    const torch::Tensor codes = torch::arange(labels, cells.labels.options()).repeat_interleave(n);
    const torch::Tensor repeated = z1.repeat({labels, 1});
    const NormalRows q2 = encoder_2_->forward(repeated, codes, cells.sum, &dropout);
    const torch::Tensor z2 = q2.mean + torch::sqrt(q2.variance) * noise_2;
    const NormalRows p1 = decoder_2_->forward(z2, codes, cells.sum, nullptr);
    const torch::Tensor log_q = classify(z1, cells.sum, &dropout), q = torch::exp(log_q);
    const auto over_labels = [&](const torch::Tensor& of_pairs) {
        return (of_pairs.reshape({labels, n}).t() * q).sum(1);
    };
    Terms terms;
    terms.reconstruction = -log_likelihood(decode(z1, cells.batches, cells.sum), cells.x, cells.totals);
    terms.latent = log_density(z1, q1) - over_labels(log_density(repeated, p1));
    terms.kl = over_labels(kl_to_standard(q2)) + (q * (log_q + std::log(static_cast<double>(labels)))).sum(1);
    const torch::Tensor known = (cells.labels >= 0).to(q.scalar_type());
    terms.cross_entropy =
        -classify(q1.mean, cells.sum, &dropout).gather(1, cells.labels.clamp_min(0).unsqueeze(1)).squeeze(1) *
        known;
    return terms;
}

EmbeddingLoss ScanviImpl::loss(const CellsOfStep& cells) {
    train();
    const std::int64_t n = cells.x.size(0), d = options_.latent;
    // Side by side for each cell: what is drawn does not depend on how cells lie on ranks.
    const torch::Tensor noise = cells.draws.normals(d * (1 + options_.labels));
    const torch::Tensor noise_2 = noise.narrow(1, d, d * options_.labels)
                                      .reshape({n, options_.labels, d})
                                      .transpose(0, 1)
                                      .reshape({-1, d});
    const Terms of_cells = terms(cells, noise.narrow(1, 0, d), noise_2);
    EmbeddingLoss result;
    result.loss = (of_cells.reconstruction + of_cells.latent + cells.kl_weight * of_cells.kl).sum() /
                  cells.cells_of_all_ranks;
    if (cells.labelled_of_all_ranks > 0)
        result.loss = result.loss + cells.classification_weight / cells.labelled_of_all_ranks *
                                        of_cells.cross_entropy.sum();
    result.reconstruction = of_cells.reconstruction.detach().sum() / cells.cells_of_all_ranks;
    result.kl = (of_cells.latent + of_cells.kl).detach().sum() / cells.cells_of_all_ranks;
    return result;
}

torch::Tensor ScanviImpl::errors(const CellsOfStep& cells) {
    return -log_likelihood(law(encode(cells.x).mean, cells.batches), cells.x, cells.totals);
}

Posterior ScanviImpl::encode(const torch::Tensor& x) {
    eval();
    const NormalRows q = encoder_->forward(torch::log1p(x), {}, {}, nullptr);
    return {q.mean, torch::log(q.variance), options_.latent_noise};
}

CountLaw ScanviImpl::law(const torch::Tensor& latents, const torch::Tensor& batches) {
    eval();
    return decode(latents, batches, {});
}

}  // namespace lapatlas
