#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Called now and then by long work, on the calling thread: lets messages move. May be empty.
using Poll = std::function<void()>;

/// The encoder's input of a step: the active cells' transformed counts by rows, and the same entries by
/// genes. The second order makes the weight gradient a gather too: no scatter, no atomics, one summation
/// order.
struct SparseInput {
    std::int64_t num_rows = 0;
    std::int64_t num_genes = 0;
    std::vector<std::int64_t> row_offsets;   // [num_rows + 1]
    std::vector<std::int32_t> gene_indices;  // [nnz]
    std::vector<float> values;               // [nnz]
    std::vector<std::int64_t> gene_offsets;  // [num_genes + 1]
    std::vector<std::int32_t> row_indices;   // [nnz], ascending within a gene
    std::vector<float> values_by_gene;       // [nnz]
};

/// Fills the by-gene half from the by-row half.
void order_by_gene(SparseInput& input);

/// out [num_rows, width] = X W, W [num_genes, width], all row-major float32. Threads split the rows.
void sparse_times_dense(const SparseInput& x, const float* w, std::int64_t width, float* out,
                        const Poll& poll = {});

/// out [num_genes, width] = X^T Y, Y [num_rows, width]. Threads split the genes.
void transposed_sparse_times_dense(const SparseInput& x, const float* y, std::int64_t width, float* out,
                                   const Poll& poll = {});

/// out[row] = scale * sum_e weights[e] in[columns[e]] + plus[row] - minus[row]
/// for each of `rows`; plus and minus may be null. The building block of every Chebyshev recurrence.
void weighted_neighbour_sum(std::span<const std::int32_t> rows, std::span<const std::int64_t> row_offsets,
                            std::span<const std::int32_t> columns, std::span<const float> weights,
                            const float* in, std::int64_t width, float scale, const float* plus,
                            const float* minus, float* out);

}  // namespace lapatlas
