#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/halving_figures.hpp"

namespace lapatlas {

/// Of a PCA that a comparison fits for itself: the span of the components decides, not their last digits.
inline constexpr double kSpanTolerance = 1e-2;

/// One side of one halving: half A and what is scored against it, both by type in the order of the plan.
struct Comparison {
    const SampleData& real_cells;
    const SampleData& other_cells;
    const std::vector<std::int64_t>& real;   ///< rows of real_cells
    const std::vector<std::int64_t>& other;  ///< rows of other_cells, as many
};

/// values[row] of each row.
template <class T>
std::vector<T> chosen_values(const std::vector<T>& values, const std::vector<std::int64_t>& rows) {
    std::vector<T> result;
    result.reserve(rows.size());
    for (const std::int64_t row : rows) result.push_back(values[static_cast<std::size_t>(row)]);
    return result;
}

// Each sets some of side.figures, those it can; the rest stays as it was.

/// Figures of genes and libraries over all types together.
void score_genes(const Comparison& pair, SideFigures& side);

/// Figures of markers: of each type with at least min_type_cells cells a side against the others.
void score_markers(const Comparison& pair, const HalvingPlan& plan, std::int64_t min_type_cells,
                   SideFigures& side);

/// Distances in the components of `others` from each of `cells` to the nearest of `others` (both
/// log-normalised): neither sample the distances are compared of had a part in the fit. (In train-PCA
/// training cells stand out, which hides what is looked for.)
std::vector<double> distances_to(const CountMatrix& others, const std::vector<const CountMatrix*>& cells,
                                 std::int64_t components, std::uint64_t seed);

/// Whether training cells can be told from half A by how near they lie to the other side's cells: of the
/// generated side to all that take part, of the floor to half B.
void score_membership(const Comparison& pair, const FigureData& data,
                      const std::vector<std::int64_t>& drawn_training, bool floor,
                      const EvaluateOptions& options, std::uint64_t seed, SideFigures& side);

/// What classifiers trained on drawn cells make of all test cells (published_test): on generated cells
/// against real ones (the floor), and with generated cells of the rare types beside real ones.
void score_use(const FigureData& data, const Halving& cells, bool floor, SideFigures& side);

}  // namespace lapatlas
