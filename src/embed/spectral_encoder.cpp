#include "src/embed/spectral_encoder.hpp"

#include <string>

#include "src/embed/mixed_precision.hpp"

namespace lapatlas {

SpectralEncoderImpl::SpectralEncoderImpl(const SpectralEncoderOptions& options) : options_(options) {
    for (std::int64_t k = 0; k < options.order; ++k)
        gene_weights_.push_back(register_parameter("gene_weight_" + std::to_string(k),
                                                   torch::zeros({options.genes, options.hidden})));
    encoding_weight_ = register_parameter("encoding_weight",
                                          torch::zeros({options.order, options.encodings, options.hidden}));
    first_bias_ = register_parameter("first_bias", torch::zeros({options.hidden}));
    second_weight_ =
        register_parameter("second_weight", torch::zeros({options.order, options.hidden, options.hidden}));
    second_bias_ = register_parameter("second_bias", torch::zeros({options.hidden}));
    mean_ = register_module("mean", torch::nn::Linear(options.hidden, options.latent));
    log_variance_ = register_module("log_variance", torch::nn::Linear(options.hidden, options.latent));
}

Posterior SpectralEncoderImpl::forward(const std::shared_ptr<const EncoderInput>& x,
                                       const torch::Tensor& encodings,
                                       const std::shared_ptr<GraphOperator>& graph, GradientSink* sink) {
    const torch::Tensor first =
        torch::relu(sparse_graph_convolution(GraphBasis::kChebyshev, x, gene_weights_, encodings,
                                             encoding_weight_, graph, sink) +
                    first_bias_);
    const torch::Tensor second =
        torch::relu(graph_convolution(GraphBasis::kChebyshev, first, second_weight_, graph) + second_bias_);
    return heads(second);
}

Posterior SpectralEncoderImpl::heads(const torch::Tensor& second) {
    // A latent is read to more digits than bfloat16 has.
    const MixedPrecision exact(second.device(), false);
    // Bounded, so that one wild cell early in training cannot overflow exp.
    return {mean_(second), torch::clamp(log_variance_(second), -12, 6), options_.latent_noise};
}

}  // namespace lapatlas
