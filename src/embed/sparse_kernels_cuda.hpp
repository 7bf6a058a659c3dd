#pragma once

#include <cstdint>

#include "dist/cuda_stream.hpp"

namespace lapatlas::cuda {

/// A sparse matrix by rows in GPU memory. T: float or double.
template <class T>
struct SparseRows {
    const std::int64_t* row_offsets = nullptr;  // [rows + 1]
    const std::int32_t* columns = nullptr;      // [entries]
    const T* values = nullptr;                  // [entries]
};

/// out[row] = scale * sum_e values[e] in[columns[e]] + plus[row] - minus[row] for each of `rows` [num_rows],
/// or for rows 0 .. num_rows where `rows` is null; plus and minus may be null. All dense matrices are
/// row-major and `width` wide, in GPU memory. With one matrix of counts: X W by rows, X^T Y by genes. Sums
/// run in a fixed order, so results do not depend on the device's load; columns in the order of entries, a
/// row of many entries in eight parts. Enqueued on `stream`; CudaError if it cannot be.
template <class T>
void weighted_row_sums(const SparseRows<T>& matrix, const std::int32_t* rows, std::int64_t num_rows,
                       const T* in, std::int64_t width, T scale, const T* plus, const T* minus, T* out,
                       CUstream_st* stream);

extern template void weighted_row_sums(const SparseRows<float>&, const std::int32_t*, std::int64_t,
                                       const float*, std::int64_t, float, const float*, const float*, float*,
                                       CUstream_st*);
extern template void weighted_row_sums(const SparseRows<double>&, const std::int32_t*, std::int64_t,
                                       const double*, std::int64_t, double, const double*, const double*,
                                       double*, CUstream_st*);

}  // namespace lapatlas::cuda
