#pragma once

#include <algorithm>
#include <cstdint>

#include "dist/cuda_stream.hpp"

namespace lapatlas::cuda {

/// The likelihood of count_likelihood.hpp for a chunk of cells whose logits are in GPU memory, as all arrays
/// here.
struct LikelihoodChunk {
    std::int64_t cells = 0;
    std::int64_t genes = 0;
    const std::int64_t* row_offsets = nullptr;   // [matrix rows + 1] into the next two
    const std::int32_t* gene_indices = nullptr;  // counts above zero
    const float* counts = nullptr;
    const std::int32_t* rows = nullptr;           // [cells] of the matrix
    const std::int64_t* entry_offsets = nullptr;  // [cells] where each cell's part of entry_work begins
    const float* library = nullptr;               // [cells]; null: mean = exp(logits), without a size factor
    const float* dispersion = nullptr;            // [dispersion rows, genes] theta; null: Poisson
    const std::int32_t* dispersion_rows = nullptr;  // [cells]; null: all have the first
    std::int64_t num_dispersion_rows = 1;
};

/// Groups that a chunk's cells are dealt to, each summed by one block in the order of its cells. A function
/// of sizes alone: results do not depend on the device. Fewer where many labels make each group's gradient
/// large.
inline constexpr int kMostLikelihoodGroups = 256;
inline int likelihood_groups(std::int64_t dispersion_rows, std::int64_t genes) {
    constexpr std::int64_t kMostValues = std::int64_t{1} << 26;
    return static_cast<int>(std::clamp<std::int64_t>(
        kMostValues / std::max<std::int64_t>(1, dispersion_rows * genes), 8, kMostLikelihoodGroups));
}

/// What chunks add to, one part a group. Zero both before the first chunk.
struct LikelihoodParts {
    int groups = kMostLikelihoodGroups;
    double* losses = nullptr;              // [groups]
    float* dispersion_gradient = nullptr;  // [groups, dispersion rows, genes]; null for Poisson
};

/// Adds the chunk's negative log-likelihood, and its gradient for log theta, to `parts`. With `entry_work`
/// [counts above zero of the cells] logits [cells, genes] become d/d logits of that sum times `scale`; with
/// null they stay. Enqueued on `stream`; CudaError if it cannot be.
void likelihood_and_gradient(const LikelihoodChunk& chunk, float scale, float* logits, float* entry_work,
                             const LikelihoodParts& parts, CUstream_st* stream);

/// The sums over groups, in their order: *loss, and dispersion_gradient [dispersion rows, genes] times
/// `scale` (nothing where parts have none).
void sum_likelihood_parts(const LikelihoodParts& parts, std::int64_t num_dispersion_values, float scale,
                          double* loss, float* dispersion_gradient, CUstream_st* stream);

}  // namespace lapatlas::cuda
