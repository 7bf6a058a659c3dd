#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/embed/sparse_kernels_cuda.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// A count matrix by rows in GPU memory, owned by tensors.
struct DeviceRows {
    std::int64_t num_genes = 0;
    torch::Tensor row_offsets;   // [rows + 1] int64
    torch::Tensor gene_indices;  // [entries] int32
    torch::Tensor values;        // [entries] float32

    DeviceRows(const CountMatrix& matrix, const torch::Device& device)
        : num_genes(matrix.num_genes),
          row_offsets(tensor_of(matrix.row_offsets, device)),
          gene_indices(tensor_of(matrix.gene_indices, device)),
          values(tensor_of(matrix.values, device)) {}

    cuda::SparseRows<float> view() const {
        return {row_offsets.data_ptr<std::int64_t>(), gene_indices.data_ptr<std::int32_t>(),
                values.data_ptr<float>()};
    }
};

}  // namespace lapatlas
