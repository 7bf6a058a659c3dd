#pragma once

#include <memory>

#include "dist/cuda_stream.hpp"
#include "src/embed/device_rows.hpp"
#include "src/embed/encoder_input.hpp"
#include "src/embed/masked_input.hpp"

namespace lapatlas {

/// EncoderInput of `rows` [cells] int32 of a matrix in GPU memory, masked as masked_input masks; ids [rows of
/// the matrix] int64. Its products are dense, by cuBLAS in float32: a GPU does the zeros faster than a sparse
/// product gathers the others. Tiles of cells are made dense as they are needed; one
/// tile that holds all cells is kept for the step's other products.
std::shared_ptr<const EncoderInput> make_dense_encoder_input(const DeviceRows& matrix,
                                                             const torch::Tensor& rows,
                                                             const torch::Tensor& ids, const EntryMask& mask,
                                                             CUstream_st* stream);

}  // namespace lapatlas
