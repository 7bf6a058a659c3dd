#pragma once

#include <torch/torch.h>

#include <vector>

#include "dist/communicator.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

// Sums over the training cells of all ranks that training starts from.

/// What the best model without latents would say of the cells.
struct GeneMoments {
    /// [genes] mean count a unit of size: library size, or 1 for absolute rates
    std::vector<float> profile;
    /// [genes] theta of the variance that is left; infinity: none above Poisson
    std::vector<float> dispersion;
};
/// Collective. theta = sum mu^2 / sum((x - mu)^2 - mu), mu = profile size.
GeneMoments gene_moments(const Communicator& comm, const RankData& data, bool size_factor);

struct LibraryMoments {
    double log_mean, log_std;  ///< of log library sizes
};
/// Collective.
LibraryMoments library_moments(const Communicator& comm, const RankData& data);

/// Collective. Mean log-normalised expression of each label's training cells [labels + 1, genes], of all
/// cells last; 0 of a label without cells.
torch::Tensor label_means(const Communicator& comm, const ExpressionRows& expression, const RankData& data);

/// Collective. Log of each batch's share of a gene over the gene's share of all counts [batches, genes],
/// shrunk as if the batch had 10 more counts of the gene at its overall share; undefined without batches.
torch::Tensor batch_shifts(const Communicator& comm, const RankData& data, bool size_factor);

}  // namespace lapatlas
