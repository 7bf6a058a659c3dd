#include "src/autoencode/autoencoder.hpp"

#include <torch/torch.h>

namespace lapatlas {

AutoencoderStackImpl::AutoencoderStackImpl(std::int64_t in, std::int64_t width, std::int64_t layers,
                                           std::int64_t out) {
    linears_ = register_module("linears", torch::nn::ModuleList());
    norms_ = register_module("norms", torch::nn::ModuleList());
    for (std::int64_t i = 0; i < layers; ++i) {
        // The norm behind it takes a bias away.
        linears_->push_back(
            torch::nn::Linear(torch::nn::LinearOptions(i == 0 ? in : width, width).bias(false)));
        norms_->push_back(SynchronisedNorm(width));
        slopes_.push_back(register_parameter("slope_" + std::to_string(i), torch::full({1}, 0.25F)));
    }
    last_ = register_module("last", torch::nn::Linear(layers == 0 ? in : width, out));
}

torch::Tensor AutoencoderStackImpl::forward(const torch::Tensor& x, const SumOverRanks& sum) {
    torch::Tensor h = x;
    for (std::size_t i = 0; i < slopes_.size(); ++i) {
        h = linears_[i]->as<torch::nn::Linear>()->forward(h);
        h = norms_[i]->as<SynchronisedNorm>()->forward(h, sum);
        h = torch::prelu(h, slopes_[i]);
    }
    return last_->forward(h);
}

AutoencoderImpl::AutoencoderImpl(const AutoencoderOptions& options)
    : ExpressionEmbedding(options.genes, options.negative_binomial), options_(options) {
    encoder_ = register_module(
        "encoder", AutoencoderStack(options.genes, options.width, options.layers, options.latent));
    decoder_ = register_module(
        "decoder", AutoencoderStack(options.latent, options.width, options.layers, options.genes));
}

torch::Tensor AutoencoderImpl::latents_of(const torch::Tensor& x, const SumOverRanks& sum) {
    const torch::Tensor z = encoder_->forward(x, sum);
    return options_.unit_length ? z / z.norm(2, 1, true).clamp_min(1e-12) : z;
}

EmbeddingLoss AutoencoderImpl::loss(const CellsOfStep& cells) {
    train();
    const torch::Tensor back = decoder_->forward(latents_of(cells.x, cells.sum), cells.sum);
    const torch::Tensor error =
        (back - cells.x).square().sum() / (cells.cells_of_all_ranks * static_cast<double>(options_.genes));
    return {error, error.detach(), {}};
}

Posterior AutoencoderImpl::encode(const torch::Tensor& x) {
    eval();
    const torch::Tensor z = latents_of(x, {});
    return {z, torch::zeros_like(z), false};
}

torch::Tensor AutoencoderImpl::decode(const torch::Tensor& latents) {
    eval();
    return decoder_->forward(latents, {});
}

}  // namespace lapatlas
