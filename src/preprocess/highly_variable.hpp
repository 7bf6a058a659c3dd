#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// Genes by how much they vary beyond what their mean explains, the same on every rank.
struct HighlyVariableGenes {
    std::vector<std::int32_t> ranking;  // [num_genes] gene indices, the most variable first
    std::vector<std::int32_t> chosen;   // ascending gene indices
    std::vector<double>
        normalised_variance;  // [num_genes], variance of clipped standardised counts; 0: constant gene
};

/// The first `count` of a ranking, ascending; all where there are no more.
std::vector<std::int32_t> first_ranked(std::span<const std::int32_t> ranking, std::int64_t count);

/// Collective. The `count` most variable genes by the ranking of Seurat v3 (Stuart et al. 2019, "variance
/// stabilising transformation"; scanpy's flavor "seurat_v3") over the raw counts of training cells: log10
/// variance is fitted on log10 mean by local regression (degree 2, span 0.3); counts are standardised by the
/// mean and the fitted deviation, clipped at sqrt(N) and ranked by their variance, ties by the lower index.
/// All genes when there are no more than `count`. Sums of whole counts are exact, so ranks do not matter.
/// Throws InputError with fewer than two training cells or when no gene varies.
HighlyVariableGenes choose_highly_variable(const Communicator& comm, const PackedCounts& local,
                                           std::span<const std::uint8_t> is_training_row, std::int64_t count);

/// Collective. Of the genes `kept` (ascending) leaves the `count` that vary most over training rows; all,
/// where it is 0.
void keep_most_variable(const Communicator& comm, const PackedCounts& counts,
                        const std::vector<std::uint8_t>& is_train, std::int64_t count,
                        std::vector<std::int32_t>& kept);

}  // namespace lapatlas
