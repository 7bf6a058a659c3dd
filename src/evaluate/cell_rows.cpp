#include "src/evaluate/cell_rows.hpp"

namespace lapatlas {

CountMatrix take_rows(const CountMatrix& matrix, const std::vector<std::int64_t>& rows) {
    CountMatrix chosen;
    chosen.num_genes = matrix.num_genes;
    for (const std::int64_t row : rows) {
        const std::int64_t begin = matrix.row_offsets[static_cast<std::size_t>(row)];
        const std::int64_t end = matrix.row_offsets[static_cast<std::size_t>(row) + 1];
        chosen.gene_indices.insert(chosen.gene_indices.end(), matrix.gene_indices.begin() + begin,
                                   matrix.gene_indices.begin() + end);
        chosen.values.insert(chosen.values.end(), matrix.values.begin() + begin, matrix.values.begin() + end);
        chosen.row_offsets.push_back(chosen.row_offsets.back() + end - begin);
    }
    return chosen;
}

CountMatrix stack_rows(CountMatrix upper, const CountMatrix& lower) {
    const std::int64_t above = upper.num_nonzeros();
    upper.gene_indices.insert(upper.gene_indices.end(), lower.gene_indices.begin(), lower.gene_indices.end());
    upper.values.insert(upper.values.end(), lower.values.begin(), lower.values.end());
    for (std::size_t row = 1; row < lower.row_offsets.size(); ++row)
        upper.row_offsets.push_back(above + lower.row_offsets[row]);
    return upper;
}

std::vector<double> library_sizes(const CountMatrix& counts) {
    std::vector<double> totals(static_cast<std::size_t>(counts.num_rows()), 0.0);
    for (std::size_t row = 0; row < totals.size(); ++row)
        for (std::int64_t i = counts.row_offsets[row]; i < counts.row_offsets[row + 1]; ++i)
            totals[row] += static_cast<double>(counts.values[static_cast<std::size_t>(i)]);
    return totals;
}

Points project_points(const CountMatrix& expression, const Pca& space) {
    const std::vector<double> scores = project(expression, space);
    return Eigen::Map<const Points>(scores.data(), expression.num_rows(), space.num_components);
}

}  // namespace lapatlas
