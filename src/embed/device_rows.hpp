#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/embed/sparse_kernels_cuda.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/preprocess/expression_rows.hpp"

namespace lapatlas {

/// A sparse matrix by rows in GPU memory, owned by tensors.
struct DeviceRows {
    std::int64_t num_genes = 0;
    torch::Tensor row_offsets;   // [rows + 1] int64
    torch::Tensor gene_indices;  // [entries] int32
    torch::Tensor values;        // [entries] float32

    /// `read(row, buffer)` gives the entries of rows 0, 1, ...
    template <class Read>
    DeviceRows(std::int64_t num_rows, std::int64_t genes, const Read& read, const torch::Device& device)
        : num_genes(genes) {
        std::vector<std::int64_t> offsets{0};
        RowBuffer buffer;
        for (std::int64_t row = 0; row < num_rows; ++row)
            offsets.push_back(offsets.back() + read(row, buffer).size);
        row_offsets = tensor_of(offsets, device);
        const auto options = torch::TensorOptions(device);
        gene_indices = torch::empty({offsets.back()}, options.dtype(torch::kInt32));
        values = torch::empty({offsets.back()}, options);
        // Little of it lies on the host at a time.
        constexpr std::int64_t kEntriesAtOnce = std::int64_t{1} << 24;
        CountMatrix part;
        std::int64_t sent = 0;
        for (std::int64_t row = 0; row < num_rows; ++row) {
            append_row(part, read(row, buffer));
            const std::int64_t size = part.num_nonzeros();
            if (size == 0 || (size < kEntriesAtOnce && row + 1 < num_rows)) continue;
            gene_indices.narrow(0, sent, size).copy_(tensor_of(part.gene_indices, device));
            values.narrow(0, sent, size).copy_(tensor_of(part.values, device));
            sent += size;
            part = {};
        }
    }
    DeviceRows(const ExpressionRows& rows, const torch::Device& device)
        : DeviceRows(
              rows.num_rows(), rows.num_genes(),
              [&](std::int64_t row, RowBuffer& buffer) { return rows.row(row, buffer); }, device) {}
    DeviceRows(const PackedCounts& counts, const torch::Device& device)
        : DeviceRows(
              counts.num_rows(), counts.num_genes(),
              [&](std::int64_t row, RowBuffer& buffer) { return counts.row(row, buffer); }, device) {}

    cuda::SparseRows<float> view() const {
        return {row_offsets.data_ptr<std::int64_t>(), gene_indices.data_ptr<std::int32_t>(),
                values.data_ptr<float>()};
    }
};

}  // namespace lapatlas
