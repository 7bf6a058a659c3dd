#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "src/embed/graph_convolution.hpp"

namespace lapatlas {

struct TagEncoderOptions {
    std::int64_t genes = 0;
    std::int64_t hidden = 128;
    std::int64_t latent = 15;
    std::int64_t hops = 3;  ///< K: powers S^0 .. S^K
};

/// The encoder of scTAG (Yu et al. 2022): two topology adaptive graph convolutions (Du et al. 2017), sum_k
/// S^k X W_k with S = D^-1/2 A D^-1/2 (no loops), with ReLU between them.
class TagEncoderImpl : public torch::nn::Module {
  public:
    explicit TagEncoderImpl(const TagEncoderOptions& options);
    /// Collective, and so is backward through it. x: the sparse input [num_owned, genes] -> [num_owned,
    /// latent]; sink: see sparse_graph_convolution.
    torch::Tensor forward(const std::shared_ptr<const EncoderInput>& x,
                          const std::shared_ptr<GraphOperator>& graph, GradientSink* sink = nullptr);
    /// The weights whose gradients the sink takes, in the order it takes them.
    const std::vector<torch::Tensor>& sparse_weights() const { return gene_weights_; }

  private:
    TagEncoderOptions options_;
    std::vector<torch::Tensor> gene_weights_;  // (hops + 1) x [genes, hidden]
    torch::Tensor first_bias_;                 // [hidden]
    torch::Tensor second_weight_;              // [hops + 1, hidden, latent]
    torch::Tensor second_bias_;                // [latent]
};
TORCH_MODULE(TagEncoder);

}  // namespace lapatlas
