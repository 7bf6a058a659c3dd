#include "src/autoencode/normal_layers.hpp"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

namespace lapatlas {

torch::Tensor log_density(const torch::Tensor& x, const NormalRows& normal) {
    return (-0.5 * (torch::log(normal.variance) + (x - normal.mean).square() / normal.variance +
                    std::log(2 * std::numbers::pi)))
        .sum(1);
}

torch::Tensor kl_to_standard(const NormalRows& normal) {
    return (0.5 * (normal.variance + normal.mean.square() - 1 - torch::log(normal.variance))).sum(1);
}

NormalLayersImpl::NormalLayersImpl(std::int64_t in, std::int64_t categories, std::int64_t width,
                                   std::int64_t layers, std::int64_t latent, double least_variance)
    : least_variance_(least_variance) {
    layers_ = register_module("layers", FullLayers(in, categories, width, layers));
    mean_ = register_module("mean", torch::nn::Linear(width, latent));
    log_variance_ = register_module("log_variance", torch::nn::Linear(width, latent));
}

NormalRows NormalLayersImpl::forward(const torch::Tensor& x, const torch::Tensor& codes,
                                     const SumOverRanks& sum, LayerDropout* dropout) {
    const torch::Tensor h = layers_->forward(x, codes, sum, dropout);
    return {mean_->forward(h), torch::exp(log_variance_->forward(h)) + least_variance_};
}

}  // namespace lapatlas
