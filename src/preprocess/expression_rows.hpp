#pragma once

#include <span>
#include <vector>

#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// Sparse rows of a rank's cells, read one at a time and perhaps made as they are read. Any number of threads
/// may read, each with a buffer of its own.
class ExpressionRows {
  public:
    virtual ~ExpressionRows() = default;
    virtual std::int64_t num_rows() const = 0;
    virtual std::int64_t num_genes() const = 0;
    /// No row has more entries than this says of it.
    virtual std::int64_t most_entries(std::int64_t row) const = 0;
    /// Genes ascending; the entries last until the buffer's next use, or as long as the matrix.
    virtual SparseCounts row(std::int64_t row, RowBuffer& buffer) const = 0;
};

/// Views a matrix.
class MatrixRows : public ExpressionRows {
  public:
    explicit MatrixRows(const CountMatrix& matrix) : matrix_(matrix) {}
    std::int64_t num_rows() const override { return matrix_.num_rows(); }
    std::int64_t num_genes() const override { return matrix_.num_genes; }
    std::int64_t most_entries(std::int64_t row) const override { return row_of(matrix_, row).size; }
    SparseCounts row(std::int64_t row, RowBuffer& /*buffer*/) const override { return row_of(matrix_, row); }

  private:
    const CountMatrix& matrix_;
};

/// Views counts as log(1 + x target_sum / total), total being that of the cell over all genes (LapDDPM 3.1),
/// or as log(1 + x) where target_sum is 0; of the genes `chosen` (ascending), or of all where it is empty.
/// Totals and logarithms are taken in float64, values are float32: those of log_normalise.
class LogCounts : public ExpressionRows {
  public:
    LogCounts(const PackedCounts& counts, double target_sum, std::span<const std::int32_t> chosen = {});
    std::int64_t num_rows() const override { return counts_.num_rows(); }
    std::int64_t num_genes() const override { return num_genes_; }
    std::int64_t most_entries(std::int64_t row) const override { return counts_.row_size(row); }
    SparseCounts row(std::int64_t row, RowBuffer& buffer) const override;

  private:
    /// Of rows [begin, end), those before being done.
    void list_logarithms(std::int64_t begin, std::int64_t end, double target_sum);

    const PackedCounts& counts_;
    std::int64_t num_genes_;
    std::vector<std::int32_t> new_index_;  // [genes], -1 left out; empty: all
    std::vector<double> factors_;          // [rows]
    // Few different counts make up a cell: the logarithm of each is taken once.
    std::vector<std::int64_t> table_offsets_;  // [rows + 1]
    std::vector<float> tables_;                ///< of each row: the values of counts 0, 1, ...
};

}  // namespace lapatlas
