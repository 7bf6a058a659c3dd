#include "src/embed/sparse_kernels_cuda.hpp"

#include <algorithm>

#include "dist/kernel_launch.cuh"

namespace lapatlas::cuda {

namespace {

/// Warps of a block, and rows it is given.
constexpr int kWarps = 8;

/// A row with more entries than this is summed by all warps of its block together: a hub, or a cell's counts.
constexpr std::int64_t kLongRow = 256;

/// kSize neighbouring columns, loaded and stored at once.
template <class T, int kSize>
struct alignas(sizeof(T) * kSize) Pack {
    T values[kSize];
};

template <class T, int kSize>
__device__ Pack<T, kSize> load(const T* from) {
    return *reinterpret_cast<const Pack<T, kSize>*>(from);
}

/// Adds entries [first, last) to `sum`, for the columns at `in`.
template <class T, int kSize>
__device__ void add_entries(const SparseRows<T>& matrix, std::int64_t first, std::int64_t last, const T* in,
                            std::int64_t width, Pack<T, kSize>& sum) {
    // Unrolled, several rows are on their way from memory at a time.
#pragma unroll 4
    for (std::int64_t e = first; e < last; ++e) {
        const T value = matrix.values[e];
        const Pack<T, kSize> source = load<T, kSize>(in + matrix.columns[e] * width);
#pragma unroll
        for (int i = 0; i < kSize; ++i) sum.values[i] += value * source.values[i];
    }
}

template <class T, int kSize>
__device__ void finish_row(std::int64_t at, const Pack<T, kSize>& sum, T scale, const T* plus, const T* minus,
                           T* out) {
    Pack<T, kSize> result;
#pragma unroll
    for (int i = 0; i < kSize; ++i) result.values[i] = scale * sum.values[i];
    if (plus != nullptr) {
        const Pack<T, kSize> more = load<T, kSize>(plus + at);
#pragma unroll
        for (int i = 0; i < kSize; ++i) result.values[i] += more.values[i];
    }
    if (minus != nullptr) {
        const Pack<T, kSize> less = load<T, kSize>(minus + at);
#pragma unroll
        for (int i = 0; i < kSize; ++i) result.values[i] -= less.values[i];
    }
    *reinterpret_cast<Pack<T, kSize>*>(out + at) = result;
}

/// Block (x, y): rows x kWarps .. + kWarps, columns y 32 kSize .. + 32 kSize. A warp sums one row; its lanes
/// hold kSize columns each, so that a row of `in` comes in one piece.
template <class T, int kSize>
__global__ void __launch_bounds__(kWarp* kWarps)
    weighted_row_sums_kernel(SparseRows<T> matrix, const std::int32_t* rows, std::int64_t num_rows,
                             const T* in, std::int64_t width, T scale, const T* plus, const T* minus,
                             T* out) {
    __shared__ Pack<T, kSize> parts[kWarps][kWarp];
    const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
    const std::int64_t column = (std::int64_t{blockIdx.y} * kWarp + lane) * kSize;
    const bool has_columns = column < width;
    const std::int64_t first_place = std::int64_t{blockIdx.x} * kWarps;
    const auto row_at = [&](std::int64_t place) {
        return rows != nullptr ? std::int64_t{rows[place]} : place;
    };

    if (first_place + warp < num_rows && has_columns) {
        const std::int64_t row = row_at(first_place + warp);
        const std::int64_t first = matrix.row_offsets[row], last = matrix.row_offsets[row + 1];
        if (last - first <= kLongRow) {
            Pack<T, kSize> sum{};
            add_entries(matrix, first, last, in + column, width, sum);
            finish_row(row * width + column, sum, scale, plus, minus, out);
        }
    }
    for (int i = 0; i < kWarps && first_place + i < num_rows; ++i) {
        const std::int64_t row = row_at(first_place + i);
        const std::int64_t first = matrix.row_offsets[row], count = matrix.row_offsets[row + 1] - first;
        if (count <= kLongRow) continue;
        Pack<T, kSize> sum{};
        if (has_columns)
            add_entries(matrix, first + count * warp / kWarps, first + count * (warp + 1) / kWarps,
                        in + column, width, sum);
        parts[warp][lane] = sum;
        __syncthreads();
        // Each warp ends one of the block's long rows, so that none waits long.
        if (warp == i && has_columns) {
            Pack<T, kSize> whole = parts[0][lane];
            for (int w = 1; w < kWarps; ++w)
#pragma unroll
                for (int j = 0; j < kSize; ++j) whole.values[j] += parts[w][lane].values[j];
            finish_row(row * width + column, whole, scale, plus, minus, out);
        }
        __syncthreads();
    }
}

template <class T, int kSize>
void launch_sums(const SparseRows<T>& matrix, const std::int32_t* rows, std::int64_t num_rows, const T* in,
                 std::int64_t width, T scale, const T* plus, const T* minus, T* out, CUstream_st* stream) {
    const std::int64_t columns = std::int64_t{kWarp} * kSize;
    const dim3 grid(blocks_of(num_rows, kWarps), blocks_of(width, columns));
    launch("weighted_row_sums", weighted_row_sums_kernel<T, kSize>, grid, dim3(kWarp, kWarps), stream, matrix,
           rows, num_rows, in, width, scale, plus, minus, out);
}

/// Whether rows of these matrices can be read kSize values at a time.
template <int kSize, class T>
bool is_aligned(std::int64_t width, std::initializer_list<const T*> matrices) {
    return width % kSize == 0 && std::all_of(matrices.begin(), matrices.end(), [](const T* matrix) {
               return reinterpret_cast<std::uintptr_t>(matrix) % (sizeof(T) * kSize) == 0;
           });
}

}  // namespace

template <class T>
void weighted_row_sums(const SparseRows<T>& matrix, const std::int32_t* rows, std::int64_t num_rows,
                       const T* in, std::int64_t width, T scale, const T* plus, const T* minus, T* out,
                       CUstream_st* stream) {
    constexpr int kMost = 16 / sizeof(T);
    const auto run = [&](auto sums) {
        sums(matrix, rows, num_rows, in, width, scale, plus, minus, out, stream);
    };
    if (is_aligned<kMost, T>(width, {in, plus, minus, out}))
        run(launch_sums<T, kMost>);
    else
        run(launch_sums<T, 1>);
}

template void weighted_row_sums(const SparseRows<float>&, const std::int32_t*, std::int64_t, const float*,
                                std::int64_t, float, const float*, const float*, float*, CUstream_st*);
template void weighted_row_sums(const SparseRows<double>&, const std::int32_t*, std::int64_t, const double*,
                                std::int64_t, double, const double*, const double*, double*, CUstream_st*);

}  // namespace lapatlas::cuda
