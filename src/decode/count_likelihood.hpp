#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

struct CountLikelihood {
    std::int64_t genes = 0;
    bool negative_binomial = true;  ///< else Poisson
    bool size_factor = true;  ///< mean = library * softmax(logits); else mean = exp(logits) (LapDDPM 3.2.2)
    /// [rows, genes] theta of the negative binomial, variance = mean + mean^2 / theta; a cell has one row.
    std::vector<float> dispersion;
};

/// Cells of a chunk are dealt to this many groups whatever the number of threads: sums keep one order.
inline constexpr std::int64_t kLikelihoodGroups = 8;

/// What one chunk of cells adds. dispersion_gradient belongs to log theta.
struct LikelihoodSums {
    double negative_log_likelihood = 0;
    std::vector<double> dispersion_gradient;  // [rows, genes], empty for Poisson
};

/// One cell's share of such a model, of some or all of the genes.
struct CellModel {
    std::int64_t genes = 0;
    const float* theta = nullptr;   // [genes]; none: Poisson
    const float* weight = nullptr;  ///< [genes] of each gene's term as if its count were 0; none: 1
    bool size_factor = true;        ///< mean = library * exp(logit) / sum of weight exp(logit)
};

/// The negative log-likelihood of one cell. `logits` [genes] are replaced by d/d logits of it times `scale`;
/// d/d log theta [genes] (unscaled) is added to `dispersion_gradient`. `work` [genes]. counts.genes are
/// places in [0, genes).
double cell_loss_and_gradient(const CellModel& model, const SparseCounts& counts, float library, float scale,
                              float* logits, float* work, float* dispersion_gradient);

/// Negative log-likelihood of counts, summed over genes and cells, with its gradients in the same pass: every
/// entry costs one exp (and one log1p for the negative binomial); entries above zero are corrected one by
/// one. `dispersion_rows` [cells]; empty: all have the first. logits [cells, genes] is overwritten with d/d
/// logits of the sum times `scale`; work has the same size. Adds to `sums`. The result does not depend on the
/// number of threads.
void likelihood_and_gradient(const CountLikelihood& model, std::span<const SparseCounts> counts,
                             std::span<const float> library, std::span<const std::int32_t> dispersion_rows,
                             float scale, float* logits, float* work, LikelihoodSums& sums);

/// The negative log-likelihood of one cell. `logits` [genes] are replaced by its expected counts. `scratch`
/// [3 genes].
double cell_likelihood(const CountLikelihood& model, const SparseCounts& counts, float library,
                       std::int32_t dispersion_row, float* logits, float* scratch);

}  // namespace lapatlas
