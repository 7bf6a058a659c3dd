#include "src/evaluate/evaluation_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "src/evaluate/cell_rows.hpp"
#include "src/evaluate/comparison.hpp"
#include "src/evaluate/gene_agreement.hpp"
#include "src/evaluate/marker_genes.hpp"
#include "src/evaluate/umap.hpp"
#include "src/preprocess/filter.hpp"

namespace lapatlas {
namespace {

constexpr std::size_t kMarkersAType = 3;

const std::vector<std::int64_t>& drawn_cells(const FigureData& data) {
    return data.plan.halvings.front().published_generated;
}

void fill_cells(const SampleData& sample, const std::vector<std::int64_t>& rows,
                const std::vector<std::uint8_t>& is_mito, double target_sum, CellPictures& cells) {
    const bool any_mito = std::find(is_mito.begin(), is_mito.end(), 1) != is_mito.end();
    for (const std::int64_t row : rows) {
        const auto at = static_cast<std::size_t>(row);
        const std::int64_t first = sample.expression.row_offsets[at],
                           last = sample.expression.row_offsets[at + 1];
        cells.labels.push_back(sample.labels[at]);
        cells.counts.push_back(sample.library[at]);
        cells.genes.push_back(static_cast<double>(last - first));
        if (!any_mito) continue;
        // Of normalised counts the share is the same as of counts.
        double mito = 0;
        for (std::int64_t i = first; i < last; ++i)
            if (is_mito[static_cast<std::size_t>(
                    sample.expression.gene_indices[static_cast<std::size_t>(i)])] != 0)
                mito +=
                    std::expm1(static_cast<double>(sample.expression.values[static_cast<std::size_t>(i)]));
        cells.mito_share.push_back(mito / target_sum);
    }
}

GenePictures genes_of(const SampleData& sample, const std::vector<std::int64_t>& rows) {
    if (rows.empty()) return {};
    GeneStatistics genes = gene_statistics(take_rows(sample.expression, rows));
    return {std::move(genes.mean), std::move(genes.variance), std::move(genes.zero_fraction)};
}

/// Share of cells that express each of `genes`, and their mean, by label: both [labels x genes].
std::pair<std::vector<double>, std::vector<double>> by_type(const CountMatrix& expression,
                                                            const std::vector<std::int32_t>& labels,
                                                            const std::vector<std::int32_t>& types,
                                                            const std::vector<std::int32_t>& genes) {
    std::vector<double> share, mean;
    for (const std::int32_t type : types) {
        std::vector<std::int64_t> rows;
        for (std::size_t i = 0; i < labels.size(); ++i)
            if (labels[i] == type) rows.push_back(static_cast<std::int64_t>(i));
        const GeneStatistics all =
            rows.empty() ? GeneStatistics{} : gene_statistics(take_rows(expression, rows));
        for (const std::int32_t gene : genes) {
            share.push_back(rows.empty() ? 0 : 1 - all.zero_fraction[static_cast<std::size_t>(gene)]);
            mean.push_back(rows.empty() ? 0 : all.mean[static_cast<std::size_t>(gene)]);
        }
    }
    return {std::move(share), std::move(mean)};
}

DotPlotPictures dot_plot(const FigureData& data, const EvaluationInput& input) {
    DotPlotPictures plot;
    if (!data.use_labels || input.gene_names.empty()) return plot;
    // Chosen on training cells, so that neither sample shown had a say.
    const auto markers = group_markers(data.training.expression, data.training.labels,
                                       static_cast<std::int32_t>(input.label_names.size()));
    std::vector<std::int32_t> types, genes;
    for (const std::int32_t type : data.plan.types) {
        const auto& own = markers[static_cast<std::size_t>(type)];
        if (own.score.empty()) continue;
        types.push_back(type);
        plot.types.push_back(input.label_names[static_cast<std::size_t>(type)]);
        for (const std::int32_t gene : top_genes(own.score, kMarkersAType))
            if (std::find(genes.begin(), genes.end(), gene) == genes.end()) genes.push_back(gene);
    }
    for (const std::int32_t gene : genes)
        plot.genes.push_back(input.gene_names[static_cast<std::size_t>(gene)]);
    std::tie(plot.test_share, plot.test_mean) =
        by_type(take_rows(data.test.expression, data.plan.published_test),
                chosen_values(data.test.labels, data.plan.published_test), types, genes);
    std::tie(plot.generated_share, plot.generated_mean) =
        by_type(take_rows(data.generated.expression, drawn_cells(data)),
                chosen_values(data.generated.labels, drawn_cells(data)), types, genes);
    return plot;
}

}  // namespace

EvaluationPictures draw_pictures(const FigureData& data, const EvaluationInput& input) {
    EvaluationPictures pictures;
    pictures.label_names = input.label_names;
    std::vector<std::uint8_t> is_mito(static_cast<std::size_t>(input.train.num_genes), 0);
    for (std::size_t gene = 0; gene < input.gene_names.size(); ++gene)
        is_mito[gene] = is_mitochondrial(input.gene_names[gene]) ? 1 : 0;
    fill_cells(data.test, data.plan.published_test, is_mito, input.target_sum, pictures.test);
    fill_cells(data.generated, drawn_cells(data), is_mito, input.target_sum, pictures.generated);
    const Points test = select_points(data.test.train_space, data.plan.published_test);
    const Points map = umap(stack(test, select_points(data.generated.train_space, drawn_cells(data))));
    for (Eigen::Index row = 0; row < map.rows(); ++row) {
        CellPictures& cells = row < test.rows() ? pictures.test : pictures.generated;
        cells.map_x.push_back(map(row, 0));
        cells.map_y.push_back(map(row, 1));
    }
    pictures.test_genes = genes_of(data.test, data.plan.published_test);
    pictures.generated_genes = genes_of(data.generated, drawn_cells(data));
    pictures.markers = dot_plot(data, input);
    return pictures;
}

void add_training_distances(const FigureData& data, EvaluationPictures& pictures) {
    pictures.test.training_distance =
        chosen_values(data.test.nearest_training_distance, data.plan.published_test);
    pictures.generated.training_distance =
        chosen_values(data.generated.nearest_training_distance, drawn_cells(data));
}

}  // namespace lapatlas
