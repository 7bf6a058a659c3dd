#pragma once

#include <memory>

#include "dist/cuda_stream.hpp"
#include "src/decode/likelihood_pass.hpp"
#include "src/embed/device_rows.hpp"

namespace lapatlas {

/// CellCounts of `rows` [cells] int32 of a matrix in GPU memory, which holds `num_entries` of these rows in
/// all; entry_offsets [cells] int64: how many the cells before have. library [cells].
std::shared_ptr<const CellCounts> make_device_cell_counts(const DeviceRows& matrix, const torch::Tensor& rows,
                                                          const torch::Tensor& entry_offsets,
                                                          std::int64_t num_entries,
                                                          const torch::Tensor& library, CUstream_st* stream);

}  // namespace lapatlas
