#include <algorithm>
#include <span>

#include "src/embed/graph_operator.hpp"
#include "src/embed/sparse_kernels.hpp"
#include "src/embed/tensor_of.hpp"

namespace lapatlas {

namespace {

class MpiGraphOperator : public GraphOperator {
  public:
    MpiGraphOperator(const Communicator& comm, const GraphShard& shard, std::vector<float> entries,
                     HaloStatistics* statistics)
        : shard_(shard), entries_(std::move(entries)), halo_(comm, shard.plan, statistics) {
        ensure(entries_.size() == shard.columns.size(), "one entry an edge");
    }

    std::int64_t num_owned() const override { return shard_.num_owned; }
    std::int64_t num_local() const override { return shard_.num_owned + shard_.num_ghosts(); }

    void apply(const torch::Tensor& in, float scale, const torch::Tensor& plus, const torch::Tensor& minus,
               const torch::Tensor& out, const std::function<void(const Poll&)>& meanwhile) override {
        const std::int64_t width = in.size(1);
        halo_.start(in.data_ptr<float>(), shard_.num_owned, width);
        const auto sum = [&](std::span<const std::int32_t> rows) {
            weighted_neighbour_sum(rows, shard_.row_offsets, shard_.columns, entries_, in.data_ptr<float>(),
                                   width, scale, data_or_null(plus), data_or_null(minus),
                                   out.data_ptr<float>());
        };
        if (meanwhile) meanwhile([&] { halo_.poll(); });
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

  private:
    const GraphShard& shard_;
    std::vector<float> entries_;
    HaloExchange<float> halo_;
};

}  // namespace

std::shared_ptr<GraphOperator> make_graph_operator(const Communicator& comm, const GraphShard& shard,
                                                   std::vector<float> entries, HaloStatistics* statistics) {
    return std::make_shared<MpiGraphOperator>(comm, shard, std::move(entries), statistics);
}

}  // namespace lapatlas
