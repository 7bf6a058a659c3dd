#include "src/graph/laplacian.hpp"

#include <algorithm>
#include <cmath>

namespace lapatlas {

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
    : shard_(shard), inverse_roots_(inverse_root_degrees(comm, shard)), halo_(comm, shard.plan) {}

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

}  // namespace lapatlas
