#include "src/train/placed_data.hpp"

#include "dist/collectives.hpp"
#include "src/embed/centred_input.hpp"

namespace lapatlas {

namespace {

/// Collective. The mean over all ranks' training rows. [inputs' genes]
torch::Tensor mean_of_training_rows(const Communicator& comm, const ExpressionRows& inputs,
                                    const RankData& data) {
    std::vector<double> sums(static_cast<std::size_t>(inputs.num_genes()), 0);
    RowBuffer buffer;
    for_each_block(data.counts, data.num_train_rows, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            const SparseCounts cell = inputs.row(row, buffer);
            for (std::int64_t e = 0; e < cell.size; ++e)
                sums[static_cast<std::size_t>(cell.genes[e])] += static_cast<double>(cell.values[e]);
        }
    });
    all_reduce_sum(comm, std::span<double>(sums));
    return (torch::tensor(sums, torch::kFloat64) / static_cast<double>(data.summary.num_train))
        .to(torch::kFloat32);
}

}  // namespace

PlacedData::PlacedData(std::shared_ptr<const Backend> backend, const RankData& data)
    : backend_(std::move(backend)),
      data_(data),
      inputs_(data.counts, data.input_target_sum, data.encoder_genes),
      cells_(backend_->store({inputs_, data.counts, data.library, data.full_graph.owned_ids})),
      encodings_(data.encodings.to(backend_->device())) {
    if (data.centre_input)
        input_mean_ = mean_of_training_rows(backend_->comm(), inputs_, data).to(backend_->device());
}

std::shared_ptr<const EncoderInput> PlacedData::inputs(std::span<const std::int32_t> rows,
                                                       const EntryMask& mask) const {
    std::shared_ptr<const EncoderInput> all = cells_->inputs(rows, mask);
    if (!input_mean_.defined()) return all;
    // A mask leaves the mean as it is: what it keeps is divided by its share.
    return centred(std::move(all), input_mean_);
}

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
