#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// The genes that stay, the same on every rank.
struct GeneFilter {
    std::vector<std::int32_t> kept;              // ascending gene indices
    std::vector<std::int64_t> cells_expressing;  // [num_genes before], training cells with a count above zero
    std::int64_t num_training_cells = 0;
};

/// Collective. Keeps the genes with a count above zero in at least `min_cells` training cells; other cells
/// are not looked at (LapDDPM 3.1). `is_training_row` has one entry a local row. Throws InputError when no
/// gene is left or there is no training cell.
GeneFilter choose_genes(const Communicator& comm, const PackedCounts& local,
                        std::span<const std::uint8_t> is_training_row, std::int64_t min_cells);

/// Of each of `num_genes` genes: its place in `kept`, -1 where it is not.
std::vector<std::int32_t> new_gene_indices(std::int64_t num_genes, std::span<const std::int32_t> kept);

/// The columns `kept` (ascending) of `matrix`, renumbered 0 .. kept.size() - 1.
CountMatrix select_genes(const CountMatrix& matrix, std::span<const std::int32_t> kept);

/// The cells that stay.
struct CellFilter {
    std::vector<std::uint8_t> keep;      // [local rows]
    std::int64_t num_kept = 0;           ///< over all ranks
    std::int64_t num_too_few_genes = 0;  ///< over all ranks
    std::int64_t num_mitochondrial = 0;  ///< over all ranks, of those with enough genes
};

/// Collective. Keeps cells with at least `min_genes` genes above zero and a share of counts in mitochondrial
/// genes (names that begin with "MT-" or "mt-") of at most `max_mito_fraction`; an empty cell has share 0.
/// Throws InputError when no cell is left.
CellFilter choose_cells(const Communicator& comm, const PackedCounts& local,
                        std::span<const std::string> gene_names, std::int64_t min_genes,
                        double max_mito_fraction);

/// The rows with a nonzero entry in `keep` (all, where it is empty), in order, of the columns `genes`
/// (renumbered 0, 1, ... as they are listed; all, where it is empty).
PackedCounts select(const PackedCounts& counts, std::span<const std::uint8_t> keep,
                    std::span<const std::int32_t> genes = {});

/// MT-ND1 of man, mt-Nd1 of the mouse.
bool is_mitochondrial(const std::string& gene_name);

}  // namespace lapatlas
