#include "src/embed/sparse_kernels.hpp"

#include <algorithm>
#include <cstring>

namespace lapatlas {

namespace {

/// 16 floats; the compiler splits it where registers are narrower. Loads need no alignment.
using Lane = float __attribute__((vector_size(64)));

inline Lane load(const float* from) {
    Lane lane;
    std::memcpy(&lane, from, sizeof lane);
    return lane;
}
inline void store(float* to, Lane lane) { std::memcpy(to, &lane, sizeof lane); }

constexpr std::int64_t kLaneFloats = 16;

/// sum[0 .. kLanes * 16) = sum over entries of values[e] * dense[indices[e] * width + ..], kept in registers.
template <int kLanes>
inline void gather_block(const std::int32_t* indices, const float* values, std::int64_t count,
                         const float* dense, std::int64_t width, float* sum) {
    Lane total[kLanes] = {};
    for (std::int64_t e = 0; e < count; ++e) {
        const float* source = dense + indices[e] * width;
        const float value = values[e];
        for (int l = 0; l < kLanes; ++l) total[l] += value * load(source + l * kLaneFloats);
    }
    for (int l = 0; l < kLanes; ++l) store(sum + l * kLaneFloats, total[l]);
}

/// The whole width in blocks of 128, 64 and 16 floats, then one by one: each element is one ordered sum.
void gather_row(const std::int32_t* indices, const float* values, std::int64_t count, const float* dense,
                std::int64_t width, float* sum) {
    std::int64_t j = 0;
    for (; j + 128 <= width; j += 128) gather_block<8>(indices, values, count, dense + j, width, sum + j);
    for (; j + 64 <= width; j += 64) gather_block<4>(indices, values, count, dense + j, width, sum + j);
    for (; j + 16 <= width; j += 16) gather_block<1>(indices, values, count, dense + j, width, sum + j);
    for (; j < width; ++j) {
        float total = 0;
        for (std::int64_t e = 0; e < count; ++e) total += values[e] * dense[indices[e] * width + j];
        sum[j] = total;
    }
}

}  // namespace

void order_by_gene(SparseInput& input) {
    input.gene_offsets.assign(static_cast<std::size_t>(input.num_genes) + 1, 0);
    for (const std::int32_t gene : input.gene_indices)
        ++input.gene_offsets[static_cast<std::size_t>(gene) + 1];
    for (std::size_t g = 1; g < input.gene_offsets.size(); ++g)
        input.gene_offsets[g] += input.gene_offsets[g - 1];
    std::vector<std::int64_t> next(input.gene_offsets.begin(), input.gene_offsets.end() - 1);
    input.row_indices.resize(input.values.size());
    input.values_by_gene.resize(input.values.size());
    for (std::int64_t r = 0; r < input.num_rows; ++r) {
        for (auto e = static_cast<std::size_t>(input.row_offsets[static_cast<std::size_t>(r)]);
             e < static_cast<std::size_t>(input.row_offsets[static_cast<std::size_t>(r) + 1]); ++e) {
            const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(input.gene_indices[e])]++);
            input.row_indices[at] = static_cast<std::int32_t>(r);
            input.values_by_gene[at] = input.values[e];
        }
    }
}

void sparse_times_dense(const SparseInput& x, const float* w, std::int64_t width, float* out) {
#pragma omp parallel for schedule(dynamic, 16)
    for (std::int64_t r = 0; r < x.num_rows; ++r) {
        const std::int64_t first = x.row_offsets[static_cast<std::size_t>(r)];
        gather_row(x.gene_indices.data() + first, x.values.data() + first,
                   x.row_offsets[static_cast<std::size_t>(r) + 1] - first, w, width, out + r * width);
    }
}

void transposed_sparse_times_dense(const SparseInput& x, const float* y, std::int64_t width, float* out) {
#pragma omp parallel for schedule(dynamic, 64)
    for (std::int64_t g = 0; g < x.num_genes; ++g) {
        const std::int64_t first = x.gene_offsets[static_cast<std::size_t>(g)];
        gather_row(x.row_indices.data() + first, x.values_by_gene.data() + first,
                   x.gene_offsets[static_cast<std::size_t>(g) + 1] - first, y, width, out + g * width);
    }
}

void weighted_neighbour_sum(std::span<const std::int32_t> rows, std::span<const std::int64_t> row_offsets,
                            std::span<const std::int32_t> columns, std::span<const float> weights,
                            const float* in, std::int64_t width, float scale, const float* plus,
                            const float* minus, float* out) {
    const auto count = static_cast<std::int64_t>(rows.size());
#pragma omp parallel for schedule(dynamic, 64)
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = rows[static_cast<std::size_t>(i)];
        const std::int64_t first = row_offsets[static_cast<std::size_t>(row)];
        float* sum = out + row * width;
        gather_row(columns.data() + first, weights.data() + first,
                   row_offsets[static_cast<std::size_t>(row) + 1] - first, in, width, sum);
        for (std::int64_t j = 0; j < width; ++j) {
            float value = scale * sum[j];
            if (plus != nullptr) value += plus[row * width + j];
            if (minus != nullptr) value -= minus[row * width + j];
            sum[j] = value;
        }
    }
}

}  // namespace lapatlas
