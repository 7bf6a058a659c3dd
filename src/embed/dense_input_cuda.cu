#include "src/embed/dense_input_cuda.hpp"

#include "dist/bfloat16.hpp"
#include "dist/kernel_launch.cuh"
#include "src/random/philox.hpp"

namespace lapatlas::cuda {

namespace {

constexpr int kThreads = 256;

__device__ void store(float* to, float value) { *to = value; }
__device__ void store(std::uint16_t* to, float value) { *to = to_bfloat16(value); }

/// One block a cell: zeros, then its entries.
template <class T>
__global__ void __launch_bounds__(kThreads)
    densify_kernel(MaskedCells cells, std::int64_t genes, std::uint32_t threshold, float scale, T* out) {
    const std::int64_t cell = blockIdx.x;
    T* row_out = out + cell * genes;
    for (std::int64_t g = threadIdx.x; g < genes; g += kThreads) row_out[g] = T{0};
    __syncthreads();
    const std::int64_t row = cells.rows[cell];
    const std::int64_t last = cells.matrix.row_offsets[row + 1];
    const PlacedRandom random(cells.seed, RandomStream::kMask);
    const auto id = static_cast<std::uint64_t>(cells.ids[cell]);
    for (std::int64_t e = cells.matrix.row_offsets[row] + threadIdx.x; e < last; e += kThreads) {
        const auto gene = static_cast<std::uint32_t>(cells.matrix.columns[e]);
        if (threshold > 0 && random.words(id, cells.step, gene / 4)[gene % 4] < threshold) continue;
        store(row_out + gene, scale * cells.matrix.values[e]);
    }
}

}  // namespace

template <class T>
void densify(const MaskedCells& cells, std::int64_t genes, T* out, CUstream_st* stream) {
    launch("densify", densify_kernel<T>, dim3(static_cast<unsigned>(cells.cells)), dim3(kThreads), stream,
           cells, genes, static_cast<std::uint32_t>(cells.fraction * 4294967295.0),
           static_cast<float>(1 / (1 - cells.fraction)), out);
}

template void densify(const MaskedCells&, std::int64_t, float*, CUstream_st*);
template void densify(const MaskedCells&, std::int64_t, std::uint16_t*, CUstream_st*);

}  // namespace lapatlas::cuda
