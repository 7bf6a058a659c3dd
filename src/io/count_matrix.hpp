#pragma once

#include <cstdint>
#include <vector>

namespace lapatlas {

/// Rows of a cells x genes count matrix in compressed sparse rows. Column indices ascend within a row.
struct CountMatrix {
    std::int64_t num_genes = 0;
    std::vector<std::int64_t> row_offsets{0};  // [num_rows + 1]
    std::vector<std::int32_t> gene_indices;    // [nnz]
    std::vector<float> values;                 // [nnz], whole numbers > 0 once counts are checked

    std::int64_t num_rows() const { return static_cast<std::int64_t>(row_offsets.size()) - 1; }
    std::int64_t num_nonzeros() const { return row_offsets.back(); }
};

/// The entries above zero of one row.
struct SparseCounts {
    const std::int32_t* genes = nullptr;
    const float* values = nullptr;
    std::int64_t size = 0;
};

/// Puts a row, over the same genes, at the end.
inline void append_row(CountMatrix& matrix, const SparseCounts& row) {
    matrix.gene_indices.insert(matrix.gene_indices.end(), row.genes, row.genes + row.size);
    matrix.values.insert(matrix.values.end(), row.values, row.values + row.size);
    matrix.row_offsets.push_back(static_cast<std::int64_t>(matrix.values.size()));
}

/// A view of one row.
inline SparseCounts row_of(const CountMatrix& matrix, std::int64_t row) {
    const std::int64_t first = matrix.row_offsets[static_cast<std::size_t>(row)];
    return {matrix.gene_indices.data() + first, matrix.values.data() + first,
            matrix.row_offsets[static_cast<std::size_t>(row) + 1] - first};
}

}  // namespace lapatlas
