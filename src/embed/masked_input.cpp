#include "src/embed/masked_input.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "src/random/philox_lanes.hpp"

namespace lapatlas {

namespace {

/// Hides entries of one cell after another.
class EntryDraws {
  public:
    explicit EntryDraws(const EntryMask& mask)
        : key_(PlacedRandom(mask.seed, RandomStream::kMask).key()),
          step_(mask.step),
          threshold_(static_cast<std::uint32_t>(mask.fraction * 4294967295.0)),
          scale_(static_cast<float>(1 / (1 - mask.fraction))) {}

    /// Writes the entries that stay, values scaled, and returns how many they are; room for all is needed.
    std::size_t keep(std::uint64_t cell, const SparseCounts& entries, std::int32_t* genes_out,
                     float* values_out) {
        // Four genes share a draw. Genes ascend, so each draw is listed once; many are made side by side.
        draws_.clear();
        for (std::int64_t e = 0; e < entries.size; ++e)
            if (const auto draw = static_cast<std::uint32_t>(entries.genes[e]) / 4;
                draws_.empty() || draws_.back() != draw)
                draws_.push_back(draw);
        draws_.resize((draws_.size() + kPhiloxLanes - 1) / kPhiloxLanes * kPhiloxLanes);
        words_.resize(draws_.size() * 4);
        for (std::size_t first = 0; first < draws_.size(); first += kPhiloxLanes) {
            const PhiloxLanes lanes = philox_lanes(key_, cell, step_, draws_.data() + first);
            for (std::size_t lane = 0; lane < kPhiloxLanes; ++lane)
                for (std::size_t j = 0; j < 4; ++j) words_[(first + lane) * 4 + j] = lanes[j][lane];
        }
        std::size_t at = 0, kept = 0;
        for (std::int64_t e = 0; e < entries.size; ++e) {
            const auto gene = static_cast<std::uint32_t>(entries.genes[e]);
            at += gene / 4 != draws_[at] ? 1 : 0;
            genes_out[kept] = entries.genes[e];
            values_out[kept] = scale_ * entries.values[e];
            kept += words_[at * 4 + gene % 4] >= threshold_ ? 1 : 0;
        }
        return kept;
    }

  private:
    std::array<std::uint32_t, 2> key_;
    std::uint32_t step_, threshold_;
    float scale_;
    std::vector<std::uint32_t> draws_, words_;
};

}  // namespace

SparseInput masked_input(const ExpressionRows& matrix, std::span<const std::int32_t> rows,
                         std::span<const std::int64_t> ids, const EntryMask& mask) {
    SparseInput input;
    input.num_rows = static_cast<std::int64_t>(rows.size());
    input.num_genes = matrix.num_genes();
    std::size_t most = 0;
    for (const std::int32_t row : rows) most += static_cast<std::size_t>(matrix.most_entries(row));
    input.gene_indices.resize(most);
    input.values.resize(most);
    input.row_offsets.push_back(0);
    EntryDraws draws(mask);
    RowBuffer buffer;
    std::size_t end = 0;
    for (const std::int32_t row : rows) {
        const SparseCounts cell = matrix.row(row, buffer);
        if (mask.fraction > 0) {
            end += draws.keep(static_cast<std::uint64_t>(ids[static_cast<std::size_t>(row)]), cell,
                              input.gene_indices.data() + end, input.values.data() + end);
        } else {
            std::copy_n(cell.genes, cell.size, input.gene_indices.data() + end);
            std::copy_n(cell.values, cell.size, input.values.data() + end);
            end += static_cast<std::size_t>(cell.size);
        }
        input.row_offsets.push_back(static_cast<std::int64_t>(end));
    }
    input.gene_indices.resize(end);
    input.values.resize(end);
    return input;
}

}  // namespace lapatlas
