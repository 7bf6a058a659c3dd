#include "src/train/placed_data.hpp"

#include <algorithm>
#include <limits>

#include "dist/collectives.hpp"
#include "src/embed/centred_input.hpp"
#include "src/random/philox.hpp"

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

/// [rows, genes] of `row_of(row, buffer)`.
template <class RowOf>
torch::Tensor dense(const RowOf& row_of, std::int64_t genes, std::span<const std::int64_t> rows,
                    const Backend& backend) {
    const std::int64_t cells = std::ssize(rows);
    std::vector<float> values(static_cast<std::size_t>(cells * genes), 0);
    RowBuffer buffer;
    for (std::int64_t c = 0; c < cells; ++c) {
        const SparseCounts cell = row_of(rows[static_cast<std::size_t>(c)], buffer);
        for (std::int64_t e = 0; e < cell.size; ++e)
            values[static_cast<std::size_t>(c * genes + cell.genes[e])] = cell.values[e];
    }
    return backend.tensor(values).reshape({cells, genes});
}

}  // namespace

PlacedData::PlacedData(std::shared_ptr<const Backend> backend, const RankData& data)
    : backend_(std::move(backend)),
      data_(data),
      inputs_(data.counts, data.input_target_sum, data.encoder_genes),
      expression_(data.counts, data.target_sum),
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

torch::Tensor PlacedData::covariates(std::span<const std::int64_t> rows, std::span<const std::int64_t> ids,
                                     double dropout, std::uint64_t seed, std::uint32_t step) const {
    const std::int64_t columns = std::ssize(data_.summary.covariate_columns);
    if (columns == 0) return {};
    const PlacedRandom random(seed, RandomStream::kCovariateDropout);
    std::vector<float> values;
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::int64_t c = 0; c < columns; ++c) {
            const bool forgotten = random.uniform(static_cast<std::uint64_t>(ids[i]), step,
                                                  static_cast<std::uint32_t>(c)) < dropout;
            values.push_back(forgotten ? std::numeric_limits<float>::quiet_NaN()
                                       : data_.covariates[static_cast<std::size_t>(rows[i] * columns + c)]);
        }
    return backend_->tensor(values).reshape({std::ssize(rows), columns});
}

torch::Tensor PlacedData::expression_of(std::span<const std::int64_t> rows) const {
    return dense([&](std::int64_t row, RowBuffer& buffer) { return expression_.row(row, buffer); },
                 expression_.num_genes(), rows, *backend_);
}

torch::Tensor PlacedData::counts_of(std::span<const std::int64_t> rows) const {
    return dense([&](std::int64_t row, RowBuffer& buffer) { return data_.counts.row(row, buffer); },
                 data_.counts.num_genes(), rows, *backend_);
}

torch::Tensor PlacedData::proteins_of(std::span<const std::int64_t> rows) const {
    const std::int64_t proteins = std::ssize(data_.summary.protein_names);
    std::vector<float> values;
    for (const std::int64_t row : rows) {
        const auto own = data_.proteins.begin() + row * proteins;
        values.insert(values.end(), own, own + proteins);
    }
    return backend_->tensor(values).reshape({std::ssize(rows), proteins});
}

torch::Tensor PlacedData::seen_by(const CellEmbedding& embedding, std::span<const std::int64_t> rows) const {
    const torch::Tensor genes = embedding.sees_counts() ? counts_of(rows) : expression_of(rows);
    return embedding.num_proteins() == 0 ? genes : torch::cat({genes, proteins_of(rows)}, 1);
}

torch::Tensor PlacedData::totals_of(std::span<const std::int64_t> rows) const {
    std::vector<float> totals;
    for (const std::int64_t row : rows)
        totals.push_back(std::max(1.0F, data_.library[static_cast<std::size_t>(row)]));
    return backend_->tensor(totals);
}

}  // namespace lapatlas
