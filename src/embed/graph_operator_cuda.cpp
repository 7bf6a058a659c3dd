#include "src/embed/graph_operator_cuda.cuh"
#include <cmath>

#include "src/embed/sparse_kernels_cuda.hpp"
#include "src/embed/tensor_of.hpp"

namespace lapatlas {

namespace {

class CudaGraphOperator : public GraphOperator {
  public:
    CudaGraphOperator(const GraphShard& shard, std::span<const float> entries, const MakeHalo& make_halo,
                      const torch::Device& device, cudaStream_t stream, HaloStatistics* statistics)
        : num_owned_(shard.num_owned),
          num_ghosts_(shard.num_ghosts()),
          row_offsets_(tensor_of(shard.row_offsets, device)),
          columns_(tensor_of(shard.columns, device)),
          entries_(tensor_of(entries, device)),
          interior_(tensor_of(shard.interior_rows, device)),
          boundary_(tensor_of(shard.boundary_rows, device)),
          sent_rows_(tensor_of(shard.plan.send_rows, device)),
          halo_(make_halo(sent_rows_.const_data_ptr<std::int32_t>())),
          stream_(stream),
          statistics_(statistics) {
        ensure(entries.size() == shard.columns.size(), "one entry an edge");
    }

    std::int64_t num_owned() const override { return num_owned_; }
    std::int64_t num_local() const override { return num_owned_ + num_ghosts_; }

    void apply(const torch::Tensor& in, float scale, const torch::Tensor& plus, const torch::Tensor& minus,
               const torch::Tensor& out, const std::function<void(const Poll&)>& meanwhile) override {
        const std::int64_t width = in.size(1);
        const auto sum = [&](const torch::Tensor& rows) {
            cuda::weighted_row_sums<float>({row_offsets_.data_ptr<std::int64_t>(),
                                            columns_.data_ptr<std::int32_t>(), entries_.data_ptr<float>()},
                                           rows.data_ptr<std::int32_t>(), rows.size(0), in.data_ptr<float>(),
                                           width, scale, data_or_null(plus), data_or_null(minus),
                                           out.data_ptr<float>(), stream_);
        };
        halo_->start(in.data_ptr<float>(), num_owned_, width);
        if (meanwhile) meanwhile({});
        sum(interior_);
        halo_->finish();
        if (statistics_ != nullptr) {
            ++statistics_->exchanges;
            statistics_->sent_bytes += halo_->sent_bytes(width);
            // It is the GPU that waits, unseen by the host.
            statistics_->exposed_seconds = std::nan("");
        }
        sum(boundary_);
    }

  private:
    std::int64_t num_owned_, num_ghosts_;
    torch::Tensor row_offsets_, columns_, entries_, interior_, boundary_, sent_rows_;
    std::unique_ptr<DeviceHalo> halo_;
    cudaStream_t stream_;
    HaloStatistics* statistics_;
};

}  // namespace

std::shared_ptr<GraphOperator> make_cuda_graph_operator(const GraphShard& shard,
                                                        std::span<const float> entries,
                                                        const MakeHalo& make_halo,
                                                        const torch::Device& device, cudaStream_t stream,
                                                        HaloStatistics* statistics) {
    return std::make_shared<CudaGraphOperator>(shard, entries, make_halo, device, stream, statistics);
}

}  // namespace lapatlas
