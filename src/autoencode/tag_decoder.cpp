#include "src/autoencode/tag_decoder.hpp"

#include <torch/torch.h>

namespace lapatlas {

TagDecoderImpl::TagDecoderImpl(const TagDecoderOptions& options) {
    layers_ = register_module("layers", torch::nn::ModuleList());
    std::int64_t width = options.latent;
    for (const std::int64_t next : options.widths) {
        layers_->push_back(torch::nn::Linear(width, next));
        width = next;
    }
    share_ = register_module("share", torch::nn::Linear(width, options.genes));
    if (options.zero_inflated) zeros_ = register_module("zeros", torch::nn::Linear(width, options.genes));
    log_theta_ = register_parameter("log_theta", torch::zeros({options.genes}));
    centres_ = register_parameter("centres", torch::zeros({options.centres, options.latent}));
}

CountLaw TagDecoderImpl::law(const torch::Tensor& latents, const torch::Tensor& /*batches*/) {
    torch::Tensor h = latents;
    for (const auto& layer : *layers_) h = torch::relu(layer->as<torch::nn::Linear>()->forward(h));
    return {share_->forward(h), torch::exp(log_theta_).unsqueeze(0),
            zeros_.is_empty() ? torch::Tensor() : zeros_->forward(h)};
}

torch::Tensor soft_assignments(const torch::Tensor& latents, const torch::Tensor& centres) {
    const torch::Tensor squares =
        (latents.unsqueeze(1) - centres.unsqueeze(0)).square().sum(2);  // [cells, centres]
    const torch::Tensor near = (1 + squares).reciprocal();
    return near / near.sum(1, true);
}

torch::Tensor sharpened(const torch::Tensor& assignments, const torch::Tensor& sums) {
    const torch::Tensor weight = assignments.detach().square() / sums;
    return weight / weight.sum(1, true);
}

torch::Tensor adjacency_error(const torch::Tensor& latents, const torch::Tensor& adjacency) {
    return (torch::sigmoid(torch::mm(latents, latents.t())) - adjacency).square().sum();
}

}  // namespace lapatlas
