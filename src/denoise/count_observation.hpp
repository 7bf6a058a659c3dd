#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "src/backend/backend.hpp"
#include "src/config/denoise_options.hpp"
#include "src/decode/expression_readout.hpp"
#include "src/denoise/reference_space.hpp"
#include "src/denoise/shared_genes.hpp"

namespace lapatlas {

/// How counts follow from a latent z: by an ExpressionReadout of y = deviation_g (mean_g + V_g z), what the
/// principal components say of a cell's log-normalised expression.
struct CountObservation {
    torch::Tensor loadings;  // [k, genes]
    torch::Tensor offsets;   // [genes]
    ExpressionReadout readout;
};

/// Collective. Gains, and by moments the overdispersion where options.likelihood asks for it, of the
/// reference's cells at their own latents.
CountObservation fit_count_observation(const Backend& backend, const ReferenceSpace& space,
                                       const SharedGenes& shared, const DenoiseOptions& options,
                                       double target_sum);

/// Cells as the likelihood sees them, each in as many consecutive rows as it has repeats.
struct ObservedCells {
    torch::Tensor counts;  // [rows, used genes]
    torch::Tensor sizes;   // [rows] s
};
/// Of cells [begin, end) of `counts` [cells, shared genes]; totals are taken over all shared genes.
ObservedCells observed_cells(const Backend& backend, const CountMatrix& counts,
                             std::span<const std::int32_t> used, std::int64_t begin, std::int64_t end,
                             std::int64_t repeats, double target_sum);

/// [rows] what the counts say at latents [rows, k], up to what does not depend on z.
torch::Tensor count_log_likelihood(const CountObservation& observation, const ObservedCells& cells,
                                   const torch::Tensor& latents);
/// How that changes there.
struct CountEvidence {
    torch::Tensor gradient;     // [rows, k]
    torch::Tensor information;  // [rows, k, k] Fisher's, expected
};
CountEvidence count_evidence(const CountObservation& observation, const ObservedCells& cells,
                             const torch::Tensor& latents);

}  // namespace lapatlas
