#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Counts to draw for a block of cells whose logits were made together (LapDDPM algorithm 2, line 8).
struct BlockDraws {
    /// [at least cells, genes] float32, contiguous, where the networks compute; may be overwritten.
    at::Tensor logits;
    std::int64_t cells = 0;                     ///< the first rows of logits
    at::Tensor dispersion;                      // [rows, genes] theta there too; undefined: Poisson
    std::vector<std::int32_t> dispersion_rows;  // [cells]; empty: all have the first
    std::uint64_t seed = 0;
    std::int64_t first_cell = 0;  ///< global index of row 0
    /// From a cell's row and the log of its summed exp(logits): what makes log rates of its logits. Called
    /// once a row, by several threads at once.
    std::function<float(std::int64_t row, double log_total)> log_offset;
};

/// Rows of counts, each a pure function of (seed, cell) and of its rates, drawn by all OpenMP threads. Errors
/// as sample_counts_row.
CountMatrix draw_block(const BlockDraws& draws);

}  // namespace lapatlas
