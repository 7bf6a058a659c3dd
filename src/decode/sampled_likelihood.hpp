#pragma once

#include <torch/torch.h>

#include "src/decode/gene_sample.hpp"
#include "src/decode/likelihood_pass.hpp"

namespace lapatlas {

/// The decoder's output layer and the negative log-likelihood of `cells` in one, as FusedLikelihood, but
/// genes without counts in a cell are looked at only where `sample` has them, weighted for the others (counts
/// above zero are all there): for absolute rates an estimate without bias of the whole and of its gradients;
/// with size factors the softmax's sum is such an estimate, so its logarithm is a little too small on average
/// (by half the estimate's relative variance, times the cell's counts; see docs/method.md). On the CPU only.
///
/// hidden [cells, width] float32, weight [genes, width], bias [genes]; log_dispersion [genes], or empty for
/// Poisson, and theta its exponential as the likelihood takes it. A float64 scalar; differentiable in all
/// four.
torch::Tensor sampled_likelihood(const torch::Tensor& hidden, const torch::Tensor& weight,
                                 const torch::Tensor& bias, const torch::Tensor& log_dispersion,
                                 const torch::Tensor& theta, const CellCounts& cells,
                                 const GeneSample& sample, bool size_factor, std::int64_t chunk);

}  // namespace lapatlas
