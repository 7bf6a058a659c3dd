#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include <vector>

#include "src/autoencode/cell_embedding.hpp"

namespace lapatlas {

struct TagDecoderOptions {
    std::int64_t genes = 0;
    std::int64_t latent = 15;
    std::vector<std::int64_t> widths{128, 256, 512};
    std::int64_t centres = 10;  ///< of the clusters that latents are drawn to
    bool zero_inflated = true;  ///< counts, beside the negative binomial
};

/// The decoder of scTAG (Yu et al. 2022): latents through widening layers with ReLU to counts with an excess
/// of zeros, and the centres of its clusters. Where scTAG has exp(.) times a size factor and a dispersion of
/// each cell and gene, here the rates of a cell add up to its total and a gene has one dispersion, as in all
/// of this program's decoders.
class TagDecoderImpl : public torch::nn::Module, public CountModel {
  public:
    explicit TagDecoderImpl(const TagDecoderOptions& options);
    CountLaw law(const torch::Tensor& latents, const torch::Tensor& batches) override;
    const torch::Tensor& centres() const { return centres_; }

  private:
    torch::nn::ModuleList layers_{nullptr};
    torch::nn::Linear share_{nullptr}, zeros_{nullptr};
    torch::Tensor log_theta_;  // [genes]
    torch::Tensor centres_;    // [centres, latent]
};
TORCH_MODULE(TagDecoder);

/// [cells, centres] how much a latent belongs to each centre: Student's t with one degree of freedom,
/// normalised over centres (scTAG, after van der Maaten & Hinton 2008; Xie et al. 2016).
torch::Tensor soft_assignments(const torch::Tensor& latents, const torch::Tensor& centres);

/// [cells, centres] what those are drawn towards: their squares over the sums of all cells' for each centre
/// [centres], normalised over centres. Without gradients.
torch::Tensor sharpened(const torch::Tensor& assignments, const torch::Tensor& sums);

/// Sum over all pairs of `cells`, of one cluster, of (sigmoid(z_i z_j) - A_ij)^2: how badly the graph between
/// them is told from latents [cells, d]. adjacency [cells, cells], 0 or 1.
torch::Tensor adjacency_error(const torch::Tensor& latents, const torch::Tensor& adjacency);

}  // namespace lapatlas
