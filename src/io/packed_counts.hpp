#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dist/mapped_file.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What a row of a compact matrix is unpacked into; one a thread, used again for every row.
struct RowBuffer {
    std::vector<std::int32_t> genes;
    std::vector<float> values;
};

/// Counts of many cells in compressed sparse rows of three bytes an entry: 16 bits of gene (32 where there
/// are more than 65,536 genes) and 8 of count. The rare larger counts are listed beside. Rows are read one at
/// a time, by unpacking. The entries of the first rows may stay in files.
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
    /// Entries that stay in a file: genes (of 16 or 32 bits) and counts, as in Arrays.
    struct InFile {
        std::int64_t entries = 0;
        std::shared_ptr<const MappedFile> genes, counts;
    };

    PackedCounts() = default;
    explicit PackedCounts(std::int64_t num_genes) : num_genes_(num_genes) {}
    // NOLINTNEXTLINE(google-explicit-constructor): a matrix of counts is one, whatever holds it
    PackedCounts(const CountMatrix& counts);
    /// InternalError where arrays do not fit together.
    PackedCounts(std::int64_t num_genes, Arrays arrays);
    /// `rest`: row offsets and large counts; its entries are those in files, one piece after another.
    PackedCounts(std::int64_t num_genes, Arrays rest, std::vector<InFile> pieces);

    std::int64_t num_genes() const { return num_genes_; }
    std::int64_t num_rows() const { return static_cast<std::int64_t>(arrays_.row_offsets.size()) - 1; }
    std::int64_t num_nonzeros() const { return arrays_.row_offsets.back(); }
    std::int64_t row_size(std::int64_t row) const {
        return arrays_.row_offsets[static_cast<std::size_t>(row) + 1] -
               arrays_.row_offsets[static_cast<std::size_t>(row)];
    }
    static bool has_short_genes(std::int64_t num_genes) { return num_genes <= 65'536; }
    bool has_short_genes() const { return has_short_genes(num_genes_); }
    /// InternalError where entries are in files.
    const Arrays& arrays() const;
    const std::vector<std::int64_t>& row_offsets() const { return arrays_.row_offsets; }
    /// A row's counts as they are packed, kLarge for the large ones. [row_size(row)]
    const std::uint8_t* packed_row(std::int64_t row) const {
        return place_of(arrays_.row_offsets[static_cast<std::size_t>(row)]).counts;
    }

    /// The entries of a row, in `buffer` until its next use.
    SparseCounts row(std::int64_t row, RowBuffer& buffer) const;
    /// Rows [first, first + count).
    CountMatrix rows(std::int64_t first, std::int64_t count) const;

    bool has_entries_in_files() const { return entries_in_files_ > 0; }
    /// Begins to read rows [begin, end), and gives up the memory that they took; nothing where they are not
    /// in files. See MappedFile.
    void prefetch(std::int64_t begin, std::int64_t end) const;
    void release(std::int64_t begin, std::int64_t end) const;

    void reserve(std::int64_t rows, std::int64_t entries);
    /// Genes ascending; values whole, 1 .. 2^24.
    void append(const SparseCounts& row);
    void append(const CountMatrix& rows);
    void append(const PackedCounts& rows);

  private:
    struct Place {
        const std::byte* genes;  ///< of any alignment
        const std::uint8_t* counts;
    };
    Place place_of(std::int64_t entry) const;
    std::int64_t gene_bytes() const { return has_short_genes() ? 2 : 4; }
    template <class Visit>
    void for_each_piece(std::int64_t begin_row, std::int64_t end_row, const Visit& visit) const;

    std::int64_t num_genes_ = 0;
    std::vector<InFile> pieces_;
    std::int64_t entries_in_files_ = 0;
    Arrays arrays_;  ///< without the entries that are in files
};

/// Calls visit(begin, end) for consecutive blocks of the first `rows` rows, and gives up the memory of a
/// block that is in a file once it was visited.
template <class Visit>
void for_each_block(const PackedCounts& counts, std::int64_t rows, Visit&& visit) {
    constexpr std::int64_t kRows = 8192;
    for (std::int64_t begin = 0; begin < rows; begin += kRows) {
        const std::int64_t end = std::min(rows, begin + kRows);
        visit(begin, end);
        counts.release(begin, end);
    }
}

/// Calls visit(row number, entries) for the first `rows` rows, in order.
template <class Visit>
void for_each_row(const PackedCounts& counts, std::int64_t rows, Visit&& visit) {
    RowBuffer buffer;
    for_each_block(counts, rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) visit(row, counts.row(row, buffer));
    });
}

/// The same for every row.
template <class Visit>
void for_each_row(const PackedCounts& counts, Visit&& visit) {
    for_each_row(counts, counts.num_rows(), visit);
}

}  // namespace lapatlas
