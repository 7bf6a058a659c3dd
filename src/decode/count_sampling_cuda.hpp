#pragma once

#include <cstdint>

#include "dist/cuda_stream.hpp"

namespace lapatlas::cuda {

/// Draws of count_sampling.hpp for cells first_cell, first_cell + 1, ... in GPU memory, by the same Philox
/// words.
struct CountDraws {
    std::int64_t cells = 0;
    std::int64_t genes = 0;
    std::uint64_t seed = 0;
    std::int64_t first_cell = 0;                    ///< global index
    const float* dispersion = nullptr;              // [dispersion rows, genes] theta; null: Poisson
    const std::int32_t* dispersion_rows = nullptr;  // [cells]; null: all have the first
};

/// totals[cell] = log(sum_g exp(logits[cell, g])), summed in the CPU's order. Enqueued on `stream`, as the
/// others.
void log_sum_exps(const float* logits, std::int64_t cells, std::int64_t genes, double* totals,
                  CUstream_st* stream);

/// Draws into values [cells, genes], which hold the log rates less log_offsets [cells], and become counts,
/// zeros too; row_sizes [cells] are the numbers of counts above zero. *first_bad, to be kNoBadRate before,
/// becomes the smallest cell * genes + gene whose rate is NaN or above kLargestLogRate or whose dispersion is
/// not positive and finite.
void draw_counts(const CountDraws& draws, const float* log_offsets, float* values, std::int32_t* row_sizes,
                 unsigned long long* first_bad, CUstream_st* stream);
inline constexpr unsigned long long kNoBadRate = ~0ull;

/// row_offsets [cells + 1] from row_sizes.
void offsets_of_rows(const std::int32_t* row_sizes, std::int64_t cells, std::int64_t* row_offsets,
                     CUstream_st* stream);

/// The counts above zero of values [cells, genes] by rows, genes ascending.
void compact_rows(const float* values, std::int64_t cells, std::int64_t genes,
                  const std::int64_t* row_offsets, std::int32_t* gene_indices, float* counts,
                  CUstream_st* stream);

}  // namespace lapatlas::cuda
