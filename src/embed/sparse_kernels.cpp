#include "src/embed/sparse_kernels.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "dist/vector_clones.hpp"

namespace lapatlas {

namespace {

/// As many floats as a vector register of kBytes holds. Loads and stores need no alignment.
template <int kBytes>
struct Lane {
    static constexpr std::int64_t kFloats = kBytes / 4;
    float __attribute__((vector_size(kBytes))) values;
    LAPATLAS_INLINE void load(const float* from) { std::memcpy(&values, from, sizeof values); }
    LAPATLAS_INLINE void store(float* to) const { std::memcpy(to, &values, sizeof values); }
};

/// sum[0 .. kLanes lanes) = sum over entries of values[e] * dense[indices[e] * width + ..], kept in
/// registers; with `more` on top of what sum holds.
template <int kBytes, int kLanes>
LAPATLAS_INLINE void gather_block(const std::int32_t* indices, const float* values, std::int64_t count,
                                  const float* dense, std::int64_t width, bool more, float* sum) {
    using L = Lane<kBytes>;
    L total[kLanes] = {};
    if (more)
        for (int l = 0; l < kLanes; ++l) total[l].load(sum + l * L::kFloats);
    for (std::int64_t e = 0; e < count; ++e) {
        const float* source = dense + indices[e] * width;
        const float value = values[e];
        for (int l = 0; l < kLanes; ++l) {
            L lane;
            lane.load(source + l * L::kFloats);
            total[l].values += value * lane.values;
        }
    }
    for (int l = 0; l < kLanes; ++l) total[l].store(sum + l * L::kFloats);
}

/// `columns` of the width, in blocks of eight lanes, then of one, then one by one: each element is one
/// ordered sum, the same for lanes of any width.
template <int kBytes>
LAPATLAS_INLINE void gather_lanes(const std::int32_t* indices, const float* values, std::int64_t count,
                                  const float* dense, std::int64_t width, std::int64_t columns, bool more,
                                  float* sum) {
    // Eight sums stay in registers everywhere (of sixteen with AVX2), and are enough to hide the latency of
    // an addition.
    constexpr int kLanes = 8;
    constexpr std::int64_t kFloats = Lane<kBytes>::kFloats, kBlock = kLanes * kFloats;
    std::int64_t j = 0;
    for (; j + kBlock <= columns; j += kBlock)
        gather_block<kBytes, kLanes>(indices, values, count, dense + j, width, more, sum + j);
    for (; j + 4 * kFloats <= columns; j += 4 * kFloats)
        gather_block<kBytes, 4>(indices, values, count, dense + j, width, more, sum + j);
    for (; j + kFloats <= columns; j += kFloats)
        gather_block<kBytes, 1>(indices, values, count, dense + j, width, more, sum + j);
    for (; j < columns; ++j) {
        float total = more ? sum[j] : 0;
        for (std::int64_t e = 0; e < count; ++e) total += values[e] * dense[indices[e] * width + j];
        sum[j] = total;
    }
}

#define LAPATLAS_GATHER_ROW(bytes)                                                                         \
    void gather_row(const std::int32_t* indices, const float* values, std::int64_t count,                  \
                    const float* dense, std::int64_t width, std::int64_t columns, bool more, float* sum) { \
        gather_lanes<bytes>(indices, values, count, dense, width, columns, more, sum);                     \
    }
LAPATLAS_FOR_VECTORS(LAPATLAS_GATHER_ROW)

/// Where the entries of rows [first_row, last_row) go from one tile of sources to the next, counted from the
/// start of each row: [rows, tiles + 1].
void find_tiles(std::span<const std::int64_t> offsets, const std::int32_t* indices, std::int64_t first_row,
                std::int64_t last_row, std::int64_t tiles, std::int64_t tile_rows,
                std::vector<std::int32_t>& bounds) {
    bounds.clear();
    for (std::int64_t r = first_row; r < last_row; ++r) {
        const std::int32_t* begin = indices + offsets[static_cast<std::size_t>(r)];
        const std::int32_t* end = indices + offsets[static_cast<std::size_t>(r) + 1];
        const std::int32_t* at = begin;
        bounds.push_back(0);
        for (std::int64_t tile = 1; tile < tiles; ++tile) {
            while (at != end && *at < tile * tile_rows) ++at;
            bounds.push_back(static_cast<std::int32_t>(at - begin));
        }
        bounds.push_back(static_cast<std::int32_t>(end - begin));
    }
}

/// out[r] = sum over the entries of row r of values[e] * dense[indices[e]], indices ascending within a row.
/// Columns are taken 128 at a time and the rows of `dense` in tiles that stay in the second-level cache (half
/// a megabyte), where all of it would come from the third for every entry. An element's sum keeps its order,
/// so tiles do not change it.
void gather_rows(std::span<const std::int64_t> offsets, const std::int32_t* indices, const float* values,
                 std::int64_t num_sources, const float* dense, std::int64_t width, float* out,
                 const Poll& poll) {
    constexpr std::int64_t kColumns = 128, kTileRows = 1024, kChunk = 512, kFewestEntries = 16;
    constexpr std::int64_t kEntriesATurn = std::int64_t{1} << 20;  // some milliseconds of a core
    const auto rows = static_cast<std::int64_t>(offsets.size()) - 1;
    // A tile costs a row a load and a store of its sums, so it should hold some entries of most.
    const std::int64_t most =
        offsets[static_cast<std::size_t>(rows)] / std::max<std::int64_t>(1, rows * kFewestEntries);
    const std::int64_t tiles =
        std::max<std::int64_t>(1, std::min(most, (num_sources + kTileRows / 2) / kTileRows));
    const std::int64_t tile_rows = (num_sources + tiles - 1) / tiles;
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t first_row = 0; first_row < rows; first_row += kChunk) {
        const std::int64_t last_row = std::min(rows, first_row + kChunk);
        // Only the thread that called may let messages move.
        const bool polls = poll && omp_get_thread_num() == 0;
        std::int64_t since_turn = 0;
        std::vector<std::int32_t> bounds;
        find_tiles(offsets, indices, first_row, last_row, tiles, tile_rows, bounds);
        for (std::int64_t j = 0; j < width; j += kColumns)
            for (std::int64_t tile = 0; tile < tiles; ++tile) {
                for (std::int64_t r = first_row; r < last_row; ++r) {
                    const std::int32_t* bound = bounds.data() + (r - first_row) * (tiles + 1) + tile;
                    const std::int64_t first = offsets[static_cast<std::size_t>(r)] + bound[0];
                    if (tile > 0 && bound[0] == bound[1]) continue;
                    since_turn += bound[1] - bound[0];
                    gather_row(indices + first, values + first, bound[1] - bound[0], dense + j, width,
                               std::min(kColumns, width - j), tile > 0, out + r * width + j);
                }
                if (polls && since_turn > kEntriesATurn) {
                    poll();
                    since_turn = 0;
                }
            }
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

void sparse_times_dense(const SparseInput& x, const float* w, std::int64_t width, float* out,
                        const Poll& poll) {
    gather_rows(x.row_offsets, x.gene_indices.data(), x.values.data(), x.num_genes, w, width, out, poll);
}

void transposed_sparse_times_dense(const SparseInput& x, const float* y, std::int64_t width, float* out,
                                   const Poll& poll) {
    gather_rows(x.gene_offsets, x.row_indices.data(), x.values_by_gene.data(), x.num_rows, y, width, out,
                poll);
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
                   row_offsets[static_cast<std::size_t>(row) + 1] - first, in, width, width, false, sum);
        for (std::int64_t j = 0; j < width; ++j) {
            float value = scale * sum[j];
            if (plus != nullptr) value += plus[row * width + j];
            if (minus != nullptr) value -= minus[row * width + j];
            sum[j] = value;
        }
    }
}

}  // namespace lapatlas
