#include "src/io/row_assembler.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "dist/error.hpp"

namespace lapatlas {

std::int64_t tidy_rows(CountMatrix& counts) {
    std::int64_t merged = 0;
    std::size_t kept = 0;
    std::vector<std::pair<std::int32_t, float>> row;
    std::size_t begin = 0;
    for (std::size_t r = 0; r + 1 < counts.row_offsets.size(); ++r) {
        const auto end = static_cast<std::size_t>(counts.row_offsets[r + 1]);
        row.clear();
        for (std::size_t i = begin; i < end; ++i) row.emplace_back(counts.gene_indices[i], counts.values[i]);
        const auto by_gene = [](const auto& a, const auto& b) { return a.first < b.first; };
        if (!std::is_sorted(row.begin(), row.end(), by_gene))
            std::stable_sort(row.begin(), row.end(), by_gene);
        for (std::size_t i = 0; i < row.size();) {
            float value = row[i].second;
            std::size_t next = i + 1;
            for (; next < row.size() && row[next].first == row[i].first; ++next) {
                value += row[next].second;
                ++merged;
            }
            if (value != 0.0f) {
                counts.gene_indices[kept] = row[i].first;
                counts.values[kept++] = value;
            }
            i = next;
        }
        begin = end;
        counts.row_offsets[r + 1] = static_cast<std::int64_t>(kept);
    }
    counts.gene_indices.resize(kept);
    counts.values.resize(kept);
    return merged;
}

RowAssembler::RowAssembler(std::int64_t first_row, std::int64_t num_rows, std::int64_t num_genes)
    : first_row_(first_row), num_rows_(num_rows), num_genes_(num_genes) {
    ensure(num_rows <= std::numeric_limits<std::int32_t>::max(), "a rank's rows have 32-bit ids");
}

void RowAssembler::add(std::span<const MatrixEntry> entries) {
    for (const MatrixEntry& entry : entries) {
        rows_.push_back(static_cast<std::int32_t>(entry.row - first_row_));
        genes_.push_back(entry.gene);
        values_.push_back(entry.value);
    }
}

CountMatrix RowAssembler::finish() {
    CountMatrix counts;
    counts.num_genes = num_genes_;
    counts.row_offsets.assign(static_cast<std::size_t>(num_rows_) + 1, 0);
    for (const std::int32_t row : rows_) ++counts.row_offsets[static_cast<std::size_t>(row) + 1];
    for (std::size_t r = 1; r < counts.row_offsets.size(); ++r)
        counts.row_offsets[r] += counts.row_offsets[r - 1];
    std::vector<std::int64_t> next(counts.row_offsets.begin(), counts.row_offsets.end() - 1);
    counts.gene_indices.resize(rows_.size());
    counts.values.resize(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(rows_[i])]++);
        counts.gene_indices[place] = genes_[i];
        counts.values[place] = values_[i];
    }
    *this = RowAssembler(first_row_, 0, num_genes_);
    return counts;
}

void select_columns(CountMatrix& counts, const std::vector<std::int32_t>& new_index, std::int64_t num_kept) {
    std::size_t kept = 0;
    std::size_t begin = 0;
    for (std::size_t row = 0; row + 1 < counts.row_offsets.size(); ++row) {
        const auto end = static_cast<std::size_t>(counts.row_offsets[row + 1]);
        for (std::size_t i = begin; i < end; ++i) {
            const std::int32_t gene = new_index[static_cast<std::size_t>(counts.gene_indices[i])];
            if (gene < 0) continue;
            counts.gene_indices[kept] = gene;
            counts.values[kept++] = counts.values[i];
        }
        begin = end;
        counts.row_offsets[row + 1] = static_cast<std::int64_t>(kept);
    }
    counts.gene_indices.resize(kept);
    counts.values.resize(kept);
    counts.num_genes = num_kept;
}

}  // namespace lapatlas
