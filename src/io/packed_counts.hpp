#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What a row of a compact matrix is unpacked into; one a thread, used again for every row.
struct RowBuffer {
    std::vector<std::int32_t> genes;
    std::vector<float> values;
};

/// Counts of many cells in compressed sparse rows of three bytes an entry: 16 bits of gene (32 where there
/// are more than 65,536 genes) and 8 of count. The rare larger counts are listed beside. Rows are read one at
/// a time, by unpacking.
class PackedCounts {
  public:
    /// The arrays as they lie in memory and in a prepared dataset. Of genes16 and genes32 one is used.
    struct Arrays {
        std::vector<std::int64_t> row_offsets{0};  // [rows + 1]
        std::vector<std::uint16_t> genes16;        // [entries]
        std::vector<std::int32_t> genes32;         // [entries]
        std::vector<std::uint8_t> counts;          // [entries], kLarge: see large_values
        std::vector<std::int64_t> large_entries;   ///< ascending
        std::vector<float> large_values;           // [large entries]
    };
    static constexpr std::uint8_t kLarge = 255;

    PackedCounts() = default;
    explicit PackedCounts(std::int64_t num_genes) : num_genes_(num_genes) {}
    // NOLINTNEXTLINE(google-explicit-constructor): a matrix of counts is one, whatever holds it
    PackedCounts(const CountMatrix& counts);
    /// InternalError where arrays do not fit together.
    PackedCounts(std::int64_t num_genes, Arrays arrays);

    std::int64_t num_genes() const { return num_genes_; }
    std::int64_t num_rows() const { return static_cast<std::int64_t>(arrays_.row_offsets.size()) - 1; }
    std::int64_t num_nonzeros() const { return arrays_.row_offsets.back(); }
    std::int64_t row_size(std::int64_t row) const {
        return arrays_.row_offsets[static_cast<std::size_t>(row) + 1] -
               arrays_.row_offsets[static_cast<std::size_t>(row)];
    }
    static bool has_short_genes(std::int64_t num_genes) { return num_genes <= 65'536; }
    bool has_short_genes() const { return has_short_genes(num_genes_); }
    const Arrays& arrays() const { return arrays_; }

    /// The entries of a row, in `buffer` until its next use.
    SparseCounts row(std::int64_t row, RowBuffer& buffer) const;
    /// Rows [first, first + count).
    CountMatrix rows(std::int64_t first, std::int64_t count) const;

    void reserve(std::int64_t rows, std::int64_t entries);
    /// Genes ascending; values whole, 1 .. 2^24.
    void append(const SparseCounts& row);
    void append(const CountMatrix& rows);
    void append(const PackedCounts& rows);

  private:
    std::int64_t num_genes_ = 0;
    Arrays arrays_;
};

/// Calls visit(row number, entries) for every row, in order.
template <class Visit>
void for_each_row(const PackedCounts& counts, Visit&& visit) {
    RowBuffer buffer;
    for (std::int64_t row = 0; row < counts.num_rows(); ++row) visit(row, counts.row(row, buffer));
}

}  // namespace lapatlas
