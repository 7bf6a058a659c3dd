#include "src/graph/laplacian.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "dist/error.hpp"
#include "dist/vector_clones.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kLane = NormalisedAdjacency::kRecurrenceLanes;
using Lane = float __attribute__((vector_size(kLane * sizeof(float))));

LAPATLAS_INLINE Lane load(const float* from) {
    Lane lane;
    std::memcpy(&lane, from, sizeof lane);
    return lane;
}

struct RecurrenceStep {
    const std::int64_t* offsets;
    const std::int32_t* columns;
    float a, b, c;
    std::int64_t width;
};

/// kLanes lanes of a row, the sum over its neighbours in registers.
template <int kLanes>
LAPATLAS_INLINE void recur_lanes(const RecurrenceStep& step, std::int64_t row, const float* in, float* out) {
    const std::int64_t first = step.offsets[row], last = step.offsets[row + 1];
    Lane sums[kLanes] = {};
    for (std::int64_t e = first; e < last; ++e) {
        const float* source = in + step.columns[e] * step.width;
        for (int l = 0; l < kLanes; ++l) sums[l] += load(source + l * kLane);
    }
    const float a = last > first ? step.a / static_cast<float>(last - first) : 0;
    for (int l = 0; l < kLanes; ++l) {
        float* to = out + row * step.width + l * kLane;
        const Lane value = a * sums[l] + step.b * load(in + row * step.width + l * kLane) + step.c * load(to);
        std::memcpy(to, &value, sizeof value);
    }
}

template <int kLanes>
LAPATLAS_INLINE std::int64_t recur_block(const RecurrenceStep& step, std::span<const std::int32_t> rows,
                                         const float* in, float* out) {
    for (const std::int32_t row : rows) recur_lanes<kLanes>(step, row, in, out);
    return kLanes * kLane;
}

LAPATLAS_WIDEST_VECTORS void recur_rows(const RecurrenceStep& step, std::span<const std::int32_t> rows,
                                        const float* in, float* out) {
    for (std::int64_t j = 0; j < step.width;) {
        const std::int64_t lanes = (step.width - j) / kLane;
        j += lanes >= 6   ? recur_block<6>(step, rows, in + j, out + j)
             : lanes >= 4 ? recur_block<4>(step, rows, in + j, out + j)
             : lanes == 3 ? recur_block<3>(step, rows, in + j, out + j)
             : lanes == 2 ? recur_block<2>(step, rows, in + j, out + j)
                          : recur_block<1>(step, rows, in + j, out + j);
    }
}

}  // namespace

std::vector<double> inverse_root_degrees(const Communicator& comm, const GraphShard& shard) {
    std::vector<double> roots(static_cast<std::size_t>(shard.num_owned + shard.num_ghosts()), 0);
    for (std::int64_t r = 0; r < shard.num_owned; ++r) {
        const auto degree = static_cast<double>(shard.neighbours(r).size());
        roots[static_cast<std::size_t>(r)] = degree > 0 ? 1 / std::sqrt(degree) : 0;
    }
    HaloExchange<double>(comm, shard.plan).exchange(roots.data(), shard.num_owned, 1);
    return roots;
}

NormalisedAdjacency::NormalisedAdjacency(const Communicator& comm, const GraphShard& shard)
    : shard_(shard),
      inverse_roots_(inverse_root_degrees(comm, shard)),
      halo_(comm, shard.plan),
      float_halo_(comm, shard.plan) {}

void NormalisedAdjacency::apply_rows(std::span<const std::int32_t> rows, const double* in, double* out,
                                     std::int64_t width) {
    const auto count = static_cast<std::int64_t>(rows.size());
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = rows[static_cast<std::size_t>(i)];
        double* sum = out + row * width;
        std::fill_n(sum, width, 0.0);
        for (const std::int32_t column : shard_.neighbours(row)) {
            const double weight = inverse_roots_[static_cast<std::size_t>(column)];
            const double* source = in + column * width;
            for (std::int64_t j = 0; j < width; ++j) sum[j] += weight * source[j];
        }
        const double own = inverse_roots_[static_cast<std::size_t>(row)];
        for (std::int64_t j = 0; j < width; ++j) sum[j] *= own;
    }
}

void NormalisedAdjacency::apply(double* in, double* out, std::int64_t width) {
    halo_.start(in, shard_.num_owned, width);
    apply_rows(shard_.interior_rows, in, out, width);
    halo_.finish();
    apply_rows(shard_.boundary_rows, in, out, width);
}

void NormalisedAdjacency::recur(float* in, float a, float b, float c, float* out, std::int64_t width) {
    ensure(width % kRecurrenceLanes == 0, "a recurrence's width is whole lanes");
    const RecurrenceStep step{shard_.row_offsets.data(), shard_.columns.data(), a, b, c, width};
    const auto all = [&](std::span<const std::int32_t> rows) {
        constexpr std::size_t kRows = 4096;
        const auto chunks = static_cast<std::int64_t>((rows.size() + kRows - 1) / kRows);
#pragma omp parallel for schedule(static)
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
            const std::size_t first = static_cast<std::size_t>(chunk) * kRows;
            recur_rows(step, rows.subspan(first, std::min(kRows, rows.size() - first)), in, out);
        }
    };
    float_halo_.start(in, shard_.num_owned, width);
    all(shard_.interior_rows);
    float_halo_.finish();
    all(shard_.boundary_rows);
}

}  // namespace lapatlas
