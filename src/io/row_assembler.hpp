#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// One stored entry on its way to the rank that owns its row.
struct MatrixEntry {
    std::int64_t row = 0;  ///< global
    std::int32_t gene = 0;
    float value = 0;
};

/// Sorts the columns of every row, adds up entries of the same column and drops zeros (NaN stays, to be
/// refused later by name). Returns how many entries were added to another.
std::int64_t tidy_rows(CountMatrix& counts);

/// Keeps the columns whose new index is not -1, under it, of `num_kept` columns. Rows are not tidied.
void select_columns(CountMatrix& counts, const std::vector<std::int32_t>& new_index, std::int64_t num_kept);

/// Builds rows [first_row, first_row + num_rows) from entries in any order. The result is not tidied.
class RowAssembler {
  public:
    RowAssembler(std::int64_t first_row, std::int64_t num_rows, std::int64_t num_genes);
    void add(std::span<const MatrixEntry> entries);
    CountMatrix finish();

  private:
    std::int64_t first_row_, num_rows_, num_genes_;
    std::vector<std::int32_t> rows_;  // local
    std::vector<std::int32_t> genes_;
    std::vector<float> values_;
};

}  // namespace lapatlas
