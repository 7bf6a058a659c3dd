#include "src/train/placed_data.hpp"

namespace lapatlas {

PlacedData::PlacedData(std::shared_ptr<const Backend> backend, const RankData& data)
    : backend_(std::move(backend)),
      data_(data),
      inputs_(data.counts, data.input_target_sum, data.encoder_genes),
      cells_(backend_->store({inputs_, data.counts, data.library, data.full_graph.owned_ids})),
      encodings_(data.encodings.to(backend_->device())) {}

torch::Tensor PlacedData::encodings(std::span<const std::int32_t> rows) const {
    return encodings_.index_select(0, backend_->tensor(rows));
}

CellBatch PlacedData::cell_batch(std::span<const std::int64_t> rows) const {
    CellBatch batch;
    for (const std::int64_t row : rows) {
        batch.library.push_back(data_.library[static_cast<std::size_t>(row)]);
        batch.labels.push_back(data_.labels[static_cast<std::size_t>(row)]);
    }
    batch.counts = cells_->counts(rows);
    batch.batches = batches(rows);
    return batch;
}

torch::Tensor PlacedData::batches(std::span<const std::int64_t> rows) const {
    if (data_.summary.batch_names.empty()) return {};
    std::vector<std::int64_t> of_rows;
    for (const std::int64_t row : rows) of_rows.push_back(data_.batches[static_cast<std::size_t>(row)]);
    return backend_->tensor(of_rows);
}

}  // namespace lapatlas
