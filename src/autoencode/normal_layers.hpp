#pragma once

#include "src/autoencode/full_layers.hpp"

namespace lapatlas {

/// What scvi-tools adds to the variance of an encoder.
inline constexpr double kLeastVariance = 1e-4;

/// N(mean, variance), both [n, latent].
struct NormalRows {
    torch::Tensor mean, variance;
};

/// FullLayers with two heads, a normal distribution's mean and log variance.
class NormalLayersImpl : public torch::nn::Module {
  public:
    NormalLayersImpl(std::int64_t in, std::int64_t categories, std::int64_t width, std::int64_t layers,
                     std::int64_t latent, double least_variance);
    NormalRows forward(const torch::Tensor& x, const torch::Tensor& codes, const SumOverRanks& sum,
                       LayerDropout* dropout);

  private:
    double least_variance_;
    FullLayers layers_{nullptr};
    torch::nn::Linear mean_{nullptr}, log_variance_{nullptr};
};
TORCH_MODULE(NormalLayers);

/// [n] log of its density at x, and its divergence from N(0, 1).
torch::Tensor log_density(const torch::Tensor& x, const NormalRows& normal);
torch::Tensor kl_to_standard(const NormalRows& normal);

}  // namespace lapatlas
