#include "src/embed/tag_encoder.hpp"

#include <string>

namespace lapatlas {

TagEncoderImpl::TagEncoderImpl(const TagEncoderOptions& options) : options_(options) {
    for (std::int64_t k = 0; k <= options.hops; ++k)
        gene_weights_.push_back(register_parameter("gene_weight_" + std::to_string(k),
                                                   torch::zeros({options.genes, options.hidden})));
    first_bias_ = register_parameter("first_bias", torch::zeros({options.hidden}));
    second_weight_ =
        register_parameter("second_weight", torch::zeros({options.hops + 1, options.hidden, options.latent}));
    second_bias_ = register_parameter("second_bias", torch::zeros({options.latent}));
}

torch::Tensor TagEncoderImpl::forward(const std::shared_ptr<const EncoderInput>& x,
                                      const std::shared_ptr<GraphOperator>& graph, GradientSink* sink) {
    const torch::TensorOptions options = first_bias_.options().requires_grad(false);
    const torch::Tensor none = torch::empty({graph->num_owned(), 0}, options),
                        weight_of_none = torch::empty({options_.hops + 1, 0, options_.hidden}, options);
    const torch::Tensor first =
        torch::relu(sparse_graph_convolution(GraphBasis::kAdjacencyPowers, x, gene_weights_, none,
                                             weight_of_none, graph, sink) +
                    first_bias_);
    return graph_convolution(GraphBasis::kAdjacencyPowers, first, second_weight_, graph) + second_bias_;
}

}  // namespace lapatlas
