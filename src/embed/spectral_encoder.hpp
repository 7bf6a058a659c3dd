#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "src/embed/graph_convolution.hpp"

namespace lapatlas {

struct SpectralEncoderOptions {
    std::int64_t genes = 0;
    std::int64_t encodings = 0;  ///< positional encodings a cell
    std::int64_t hidden = 128;
    std::int64_t latent = 16;
    std::int64_t order = 4;    ///< Chebyshev terms T_0 .. T_(order-1)
    bool latent_noise = true;  ///< the latent is a draw from the posterior, else its mean
};

/// q(z | cell, graph) = N(mean, exp(log_variance)), both [num_owned, latent].
struct Posterior {
    torch::Tensor mean;
    torch::Tensor log_variance;
    bool latent_noise = true;

    /// Standard deviation of what is decoded and diffused; 0 where that is the mean.
    torch::Tensor deviation() const {
        return latent_noise ? torch::exp(0.5 * log_variance) : torch::zeros_like(mean);
    }
};

/// The spectral encoder (LapDDPM 3.2.1): two Chebyshev graph convolutions with ReLU, then linear heads.
class SpectralEncoderImpl : public torch::nn::Module {
  public:
    explicit SpectralEncoderImpl(const SpectralEncoderOptions& options);

    /// Collective, and so is backward through it. x: the sparse counts [num_owned, genes]; encodings
    /// [num_owned, encodings]; sink: see sparse_graph_convolution.
    Posterior forward(const std::shared_ptr<const EncoderInput>& x, const torch::Tensor& encodings,
                      const std::shared_ptr<GraphOperator>& graph, GradientSink* sink = nullptr);

    /// The posteriors of what the second convolution makes [rows, hidden].
    Posterior heads(const torch::Tensor& second);

    /// The weights whose gradients the sink takes, in the order it takes them.
    const std::vector<torch::Tensor>& sparse_weights() const { return gene_weights_; }

  private:
    SpectralEncoderOptions options_;
    std::vector<torch::Tensor> gene_weights_;  // order x [genes, hidden]
    torch::Tensor encoding_weight_;            // [order, encodings, hidden]
    torch::Tensor first_bias_;                 // [hidden]
    torch::Tensor second_weight_;              // [order, hidden, hidden]
    torch::Tensor second_bias_;                // [hidden]
    torch::nn::Linear mean_{nullptr}, log_variance_{nullptr};
};
TORCH_MODULE(SpectralEncoder);

}  // namespace lapatlas
