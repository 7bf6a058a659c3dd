#include "src/embed/graph_operator.hpp"

#include <algorithm>
#include <span>

#include "src/embed/sparse_kernels.hpp"

namespace lapatlas {

GraphOperator::GraphOperator(const Communicator& comm, const GraphShard& shard, std::vector<float> entries,
                             HaloStatistics* statistics)
    : shard_(shard), entries_(std::move(entries)), halo_(comm, shard.plan, statistics) {
    ensure(entries_.size() == shard.columns.size(), "one entry an edge");
}

void GraphOperator::apply(float* in, std::int64_t width, float scale, const float* plus, const float* minus,
                          float* out, const std::function<void()>& meanwhile) {
    halo_.start(in, shard_.num_owned, width);
    const auto sum = [&](std::span<const std::int32_t> rows) {
        weighted_neighbour_sum(rows, shard_.row_offsets, shard_.columns, entries_, in, width, scale, plus,
                               minus, out);
    };
    if (meanwhile) meanwhile();
    // In pieces, so that MPI gets its turns to move the boundary.
    constexpr std::size_t kPiece = 2048;
    const std::span<const std::int32_t> interior(shard_.interior_rows);
    for (std::size_t first = 0; first < interior.size(); first += kPiece) {
        halo_.poll();
        sum(interior.subspan(first, std::min(kPiece, interior.size() - first)));
    }
    halo_.finish();
    sum(shard_.boundary_rows);
}

}  // namespace lapatlas
