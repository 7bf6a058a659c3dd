#include "src/preprocess/expression_rows.hpp"

#include <algorithm>

#include "src/preprocess/filter.hpp"
#include "src/preprocess/normalise.hpp"

namespace lapatlas {

namespace {

/// Counts below this have their logarithms listed for each cell.
constexpr std::int64_t kTable = 64;

}  // namespace

LogCounts::LogCounts(const PackedCounts& counts, double target_sum, std::span<const std::int32_t> chosen)
    : counts_(counts),
      num_genes_(chosen.empty() ? counts.num_genes() : static_cast<std::int64_t>(chosen.size())) {
    if (!chosen.empty()) new_index_ = new_gene_indices(counts.num_genes(), chosen);
    const auto rows = static_cast<std::size_t>(counts.num_rows());
    factors_.resize(rows);
    table_offsets_.assign(rows + 1, 0);
    for_each_block(counts, counts.num_rows(),
                   [&](std::int64_t begin, std::int64_t end) { list_logarithms(begin, end, target_sum); });
}

void LogCounts::list_logarithms(std::int64_t begin, std::int64_t end, double target_sum) {
    for (std::int64_t row = begin; row < end; ++row) {
        const std::uint8_t* const entries = counts_.packed_row(row);
        const std::int64_t size = counts_.row_size(row);
        const std::uint8_t largest = size == 0 ? 0 : *std::max_element(entries, entries + size);
        const auto r = static_cast<std::size_t>(row);
        table_offsets_[r + 1] = table_offsets_[r] + std::min<std::int64_t>(largest + 1, kTable);
    }
    tables_.resize(static_cast<std::size_t>(table_offsets_[static_cast<std::size_t>(end)]));
#pragma omp parallel
    {
        RowBuffer buffer;
#pragma omp for schedule(static)
        for (std::int64_t row = begin; row < end; ++row) {
            const SparseCounts entries = counts_.row(row, buffer);
            const auto r = static_cast<std::size_t>(row);
            double total = 0;
            for (std::int64_t i = 0; i < entries.size; ++i) total += entries.values[i];
            factors_[r] = target_sum == 0 ? 1 : total > 0 ? target_sum / total : 0;
            for (std::int64_t x = table_offsets_[r]; x < table_offsets_[r + 1]; ++x)
                tables_[static_cast<std::size_t>(x)] =
                    log_scaled(static_cast<float>(x - table_offsets_[r]), factors_[r]);
        }
    }
}

SparseCounts LogCounts::row(std::int64_t row, RowBuffer& buffer) const {
    const SparseCounts entries = counts_.row(row, buffer);
    const auto r = static_cast<std::size_t>(row);
    const std::uint8_t* const counts = counts_.packed_row(row);
    const float* const table = tables_.data() + table_offsets_[r];
    const bool lists_all = table_offsets_[r + 1] - table_offsets_[r] < kTable;
    float* const values = buffer.values.data();
    if (lists_all) {
        for (std::int64_t i = 0; i < entries.size; ++i) values[i] = table[counts[i]];
    } else {
        for (std::int64_t i = 0; i < entries.size; ++i)
            values[i] = counts[i] < kTable ? table[counts[i]] : log_scaled(values[i], factors_[r]);
    }
    if (new_index_.empty()) return entries;
    // In place: never ahead of what is read.
    std::int64_t size = 0;
    for (std::int64_t i = 0; i < entries.size; ++i) {
        const std::int32_t gene = new_index_[static_cast<std::size_t>(entries.genes[i])];
        buffer.genes[static_cast<std::size_t>(size)] = gene;
        values[size] = values[i];
        size += gene >= 0 ? 1 : 0;
    }
    return {buffer.genes.data(), values, size};
}

}  // namespace lapatlas
