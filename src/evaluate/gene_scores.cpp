// Figures that look at genes one by one, and at the markers of each type.
#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/comparison.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/marker_genes.hpp"

namespace lapatlas {
namespace {

constexpr std::size_t kTopMarkers = 50;

/// Type of each cell of a half.
std::vector<std::int32_t> type_of_cells(const HalvingPlan& plan) {
    std::vector<std::int32_t> types;
    for (std::size_t c = 0; c < plan.types.size(); ++c)
        types.insert(types.end(), static_cast<std::size_t>(plan.cells_in_half(c)),
                     static_cast<std::int32_t>(c));
    return types;
}

}  // namespace

void score_genes(const Comparison& pair, SideFigures& side) {
    const GeneStatistics real = gene_statistics(take_rows(pair.real_cells.expression, pair.real));
    const GeneStatistics other = gene_statistics(take_rows(pair.other_cells.expression, pair.other));
    side.figures[figure_index("gene_mean_pcc")] = pearson(real.mean, other.mean);
    side.figures[figure_index("gene_mean_scc")] = spearman(real.mean, other.mean);
    side.figures[figure_index("gene_variance_pcc")] = pearson(real.variance, other.variance);
    side.figures[figure_index("gene_dispersion_scc")] = spearman(real.dispersion, other.dispersion);
    side.figures[figure_index("zero_fraction_pcc")] = pearson(real.zero_fraction, other.zero_fraction);
    side.figures[figure_index("zero_fraction_mad")] =
        mean_absolute_difference(real.zero_fraction, other.zero_fraction);
    side.figures[figure_index("library_ks")] =
        kolmogorov_smirnov(chosen_values(pair.real_cells.library, pair.real),
                           chosen_values(pair.other_cells.library, pair.other));
}

void score_markers(const Comparison& pair, const HalvingPlan& plan, std::int64_t min_type_cells,
                   SideFigures& side) {
    if (plan.types.size() < 2) return;
    const CountMatrix real = take_rows(pair.real_cells.expression, pair.real);
    const CountMatrix other = take_rows(pair.other_cells.expression, pair.other);
    const std::vector<std::int32_t> types = type_of_cells(plan);
    const auto num_types = static_cast<std::int32_t>(plan.types.size());
    const std::vector<GroupMarkers> of_real = group_markers(real, types, num_types);
    const std::vector<GroupMarkers> of_other = group_markers(other, types, num_types);
    double shared = 0, fold_changes = 0, correlations = 0;
    int scored = 0, correlated = 0;
    for (std::size_t c = 0; c < plan.types.size(); ++c) {
        if (plan.cells_in_half(c) < min_type_cells || of_real[c].score.empty()) continue;
        const auto markers = top_genes(of_real[c].score, kTopMarkers);
        shared += overlap(markers, top_genes(of_other[c].score, kTopMarkers));
        // Of the markers only: the fold change of a gene that hardly a cell expresses is noise on either
        // side.
        std::vector<double> real_change, other_change;
        for (const std::int32_t gene : markers) {
            real_change.push_back(of_real[c].log_fold_change[static_cast<std::size_t>(gene)]);
            other_change.push_back(of_other[c].log_fold_change[static_cast<std::size_t>(gene)]);
        }
        fold_changes += pearson(real_change, other_change);
        ++scored;
        std::vector<std::int64_t> rows;
        for (std::int64_t r = plan.half_offsets[c]; r < plan.half_offsets[c + 1]; ++r) rows.push_back(r);
        const double agreement =
            pearson(gene_correlations(real, rows, markers), gene_correlations(other, rows, markers));
        if (agreement == agreement) correlations += agreement, ++correlated;
    }
    if (scored > 0) {
        side.figures[figure_index("marker_overlap")] = shared / scored;
        side.figures[figure_index("log_fold_change_pcc")] = fold_changes / scored;
    }
    if (correlated > 0) side.figures[figure_index("marker_correlation_pcc")] = correlations / correlated;
}

}  // namespace lapatlas
