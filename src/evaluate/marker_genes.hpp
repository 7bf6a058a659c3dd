#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What sets the cells of one group apart from all others, gene by gene; [num_genes] each.
struct GroupMarkers {
    std::vector<double> score;            ///< rank-sum z, without tie correction, as scanpy's `wilcoxon`
    std::vector<double> log_fold_change;  ///< log2 of the ratio of expm1(mean expression) (+ 1e-9), as scanpy
};

/// For groups 0 .. num_groups-1 of log-normalised cells (`groups` has one entry a cell, < 0: in no group but
/// among the others). Groups without cells, or with all of them, get empty vectors.
std::vector<GroupMarkers> group_markers(const CountMatrix& expression,
                                        const std::vector<std::int32_t>& groups, std::int32_t num_groups);

/// The `count` genes of the highest scores, best first (ties to the lower gene).
std::vector<std::int32_t> top_genes(const std::vector<double>& score, std::size_t count);

/// Share of the genes of `left` that are in `right`; NaN when there are none.
double overlap(const std::vector<std::int32_t>& left, const std::vector<std::int32_t>& right);

/// Pearson correlations of the given genes over the cells `rows`: the upper triangle by rows,
/// [n (n - 1) / 2]. 0 where a gene does not vary.
std::vector<double> gene_correlations(const CountMatrix& expression, const std::vector<std::int64_t>& rows,
                                      const std::vector<std::int32_t>& genes);

}  // namespace lapatlas
