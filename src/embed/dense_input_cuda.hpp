#pragma once

#include <cstdint>

#include "src/embed/sparse_kernels_cuda.hpp"

namespace lapatlas::cuda {

/// Cells of a sparse matrix in GPU memory, some of their entries hidden at random, as sparse_input does on
/// the CPU.
struct MaskedCells {
    SparseRows<float> matrix;
    const std::int32_t* rows = nullptr;  // [cells] of the matrix
    const std::int64_t* ids = nullptr;   // [cells] global rows, the key of each cell's mask
    std::int64_t cells = 0;
    double fraction = 0;  ///< hidden; the other entries are divided by 1 - fraction
    std::uint64_t seed = 0;
    std::uint32_t step = 0;
};

/// The cells as a dense matrix out [cells, genes], for products on tensor cores: at the densities of counts
/// faster than a sparse product there. T: float, or std::uint16_t for the bits of bfloat16 (rounded to
/// nearest, even). Enqueued on `stream`; CudaError if it cannot be.
template <class T>
void densify(const MaskedCells& cells, std::int64_t genes, T* out, CUstream_st* stream);

extern template void densify(const MaskedCells&, std::int64_t, float*, CUstream_st*);
extern template void densify(const MaskedCells&, std::int64_t, std::uint16_t*, CUstream_st*);

}  // namespace lapatlas::cuda
