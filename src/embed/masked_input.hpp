#pragma once

#include <cstdint>
#include <span>

#include "src/embed/sparse_kernels.hpp"
#include "src/preprocess/expression_rows.hpp"

namespace lapatlas {

/// Which entries of the encoder's input are hidden (LapDDPM algorithm 1, line 7): each with probability
/// `fraction`, keyed by (seed, step, the cell's id, gene); the others are divided by 1 - fraction: cells that
/// are encoded unmasked afterwards then look alike on average, as with dropout. (Without that their posterior
/// means spread some 10 % wider than any the decoder has seen.)
struct EntryMask {
    double fraction = 0;
    std::uint64_t seed = 0;
    std::uint32_t step = 0;
};

/// The encoder's input for `rows` of `matrix`, masked, by rows only (see order_by_gene). ids [rows of the
/// matrix]: global rows.
SparseInput masked_input(const ExpressionRows& matrix, std::span<const std::int32_t> rows,
                         std::span<const std::int64_t> ids, const EntryMask& mask);

}  // namespace lapatlas
