#pragma once

#include <memory>
#include <span>
#include <vector>

#include "src/autoencode/cell_embedding.hpp"
#include "src/backend/backend.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

/// What the decoder is told of some cells, and is to say of them.
struct CellBatch {
    std::shared_ptr<const CellCounts> counts;  // [cells] where the decoder computes
    std::vector<float> library;                // [cells]
    std::vector<std::int32_t> labels;          // [cells], -1 unlabelled
    torch::Tensor batches;                     // [cells] int64 there; undefined where there are none
};

/// A rank's data where the networks compute. Views `data`.
class PlacedData {
  public:
    /// Collective.
    PlacedData(std::shared_ptr<const Backend> backend, const RankData& data);
    PlacedData(const PlacedData&) = delete;
    PlacedData& operator=(const PlacedData&) = delete;

    const Backend& backend() const { return *backend_; }
    const RankData& data() const { return data_; }

    /// The encoder's input of `rows` (rows of the data, as in the others).
    std::shared_ptr<const EncoderInput> inputs(std::span<const std::int32_t> rows,
                                               const EntryMask& mask) const;
    /// Positional encodings [rows, num_encodings]; of all rows.
    torch::Tensor encodings(std::span<const std::int32_t> rows) const;
    const torch::Tensor& encodings() const { return encodings_; }
    CellBatch cell_batch(std::span<const std::int64_t> rows) const;
    /// Log-normalised expression of all genes, which embeddings of single cells see: of all rows, and dense
    /// [rows, genes]; raw counts [rows, genes]; their sums [rows], 1 of an empty cell.
    const ExpressionRows& expression() const { return expression_; }
    torch::Tensor expression_of(std::span<const std::int64_t> rows) const;
    /// Which of both an embedding sees, [rows, genes]; behind the genes the proteins, where it sees them.
    torch::Tensor seen_by(const CellEmbedding& embedding, std::span<const std::int64_t> rows) const;
    /// Antibody counts [rows, proteins], NaN where not measured.
    torch::Tensor proteins_of(std::span<const std::int64_t> rows) const;
    torch::Tensor counts_of(std::span<const std::int64_t> rows) const;
    torch::Tensor totals_of(std::span<const std::int64_t> rows) const;
    /// The covariates of `rows` [rows, columns], each forgotten (NaN) with the probability `dropout`, keyed
    /// by ids [rows] and step; undefined where there are none.
    torch::Tensor covariates(std::span<const std::int64_t> rows, std::span<const std::int64_t> ids,
                             double dropout, std::uint64_t seed, std::uint32_t step) const;
    /// The batches of `rows` [rows] int64 as the networks take them; undefined where there are none.
    torch::Tensor batches(std::span<const std::int64_t> rows) const;

  private:
    std::shared_ptr<const Backend> backend_;
    const RankData& data_;
    LogCounts inputs_, expression_;
    std::unique_ptr<CellStore> cells_;
    torch::Tensor input_mean_;  // [encoder's genes] over training cells; undefined: inputs are not centred
    torch::Tensor encodings_;
};

}  // namespace lapatlas
