#include <optional>
#include <utility>

#include "dist/device_halo.cuh"
#include "dist/environment.hpp"
#include "dist/gradient_reducer_cuda.cuh"
#include "src/backend/backend.hpp"
#include "src/backend/block_search_cuda.hpp"
#include "src/backend/centred_gram_cuda.hpp"
#include "src/backend/torch_device.hpp"
#include "src/decode/block_sampling_cuda.hpp"
#include "src/decode/likelihood_pass_cuda.hpp"
#include "src/embed/encoder_input_cuda.hpp"
#include "src/embed/graph_operator_cuda.cuh"
#include "src/embed/mixed_precision.hpp"
#include "src/embed/spectral_operator_cuda.cuh"
#include "src/random/placed_random_cuda.hpp"

namespace lapatlas {

namespace {

class DeviceCellStore : public CellStore {
  public:
    DeviceCellStore(const HostCells& cells, const torch::Device& device)
        : device_(device),
          row_offsets_(cells.counts.row_offsets()),
          inputs_(cells.inputs, device),
          counts_(cells.counts, device),
          library_(tensor_of(cells.library, device)),
          ids_(tensor_of(cells.ids, device)) {}

    std::shared_ptr<const EncoderInput> inputs(std::span<const std::int32_t> rows,
                                               const EntryMask& mask) const override {
        return make_dense_encoder_input(inputs_, tensor_of(rows, device_), ids_, mask, stream_of(device_));
    }
    std::shared_ptr<const CellCounts> counts(std::span<const std::int64_t> rows) const override {
        std::vector<std::int32_t> short_rows;
        std::vector<std::int64_t> entry_offsets;
        std::int64_t entries = 0;
        for (const std::int64_t row : rows) {
            short_rows.push_back(static_cast<std::int32_t>(row));
            entry_offsets.push_back(entries);
            const auto at = static_cast<std::size_t>(row);
            entries += row_offsets_[at + 1] - row_offsets_[at];
        }
        const torch::Tensor on_device = tensor_of(short_rows, device_);
        return make_device_cell_counts(counts_, on_device, tensor_of(entry_offsets, device_), entries,
                                       library_.index_select(0, on_device), stream_of(device_));
    }

  private:
    torch::Device device_;
    const std::vector<std::int64_t>& row_offsets_;
    DeviceRows inputs_, counts_;
    torch::Tensor library_, ids_;
};

class CudaBackend : public Backend {
  public:
    CudaBackend(const Communicator& comm, const Device& device, double timeout_seconds)
        : Backend(comm),
          gpu_(device.gpu),
          free_bytes_(static_cast<double>(device.free_bytes) / device.ranks_on_gpu),
          device_(use_gpu(device.gpu)) {
        if (!MpiEnvironment::serves_threads())
            throw MpiError(
                "this MPI lets one thread call it alone, and LibTorch runs a GPU's backward pass on "
                "another: use an MPI with MPI_THREAD_SERIALIZED");
        if (device.over_nccl) nccl_.emplace(comm, timeout_seconds);
        block_search_ = make_cuda_block_search(device_, stream_of(device_));
    }
    torch::Device device() const override { return device_; }
    bool leaves_host_free() const override { return true; }
    bool multiplies_bfloat16() const override { return true; }
    std::optional<double> device_memory() const override { return free_bytes_; }
    void enter_thread() const override { use_gpu(gpu_); }
    // Fewer would not fill a GPU; their logits are 0.3 GB at 20,000 genes.
    std::int64_t block_cells() const override { return 4096; }
    void end_stage() const override { release_cached_memory(); }

    std::unique_ptr<CellStore> store(const HostCells& cells) const override {
        return std::make_unique<DeviceCellStore>(cells, device_);
    }
    std::shared_ptr<GraphOperator> graph_operator(const GraphShard& shard, std::vector<float> entries,
                                                  HaloStatistics* statistics) const override {
        // With rounded factors a neighbour's row need not travel with more digits.
        const HaloNumbers numbers =
            factor_type(device_) == torch::kBFloat16 ? HaloNumbers::kBfloat16 : HaloNumbers::kFloat32;
        return make_cuda_graph_operator(shard, entries, halo_maker(shard, numbers), device_,
                                        stream_of(device_), statistics);
    }
    const BlockSearch& block_search() const override { return *block_search_; }
    std::unique_ptr<CentredGram> centred_gram(const ExpressionRows& local) const override {
        return make_cuda_centred_gram(comm(), local, device_, stream_of(device_));
    }
    std::unique_ptr<SpectralOperator> spectral_operator(const GraphShard& shard,
                                                        const TrivialVectors& trivial) const override {
        return make_cuda_spectral_operator(comm(), shard, trivial, halo_maker(shard), device_,
                                           stream_of(device_));
    }
    std::unique_ptr<GradientReducer> gradient_reducer(std::vector<std::int64_t> sizes) const override {
        cudaStream_t stream = stream_of(device_);
        return nccl_ ? make_nccl_gradient_reducer(*nccl_, std::move(sizes), stream)
                     : make_staged_gradient_reducer(comm(), std::move(sizes), stream);
    }

    torch::Tensor normals(const CellDraws& draws, RandomStream stream, std::int64_t width) const override {
        torch::Tensor out = block(draws, width);
        cuda::fill_normals(placed(draws, stream), width, out.data_ptr<float>(), stream_of(device_));
        return out;
    }
    torch::Tensor dropout(const CellDraws& draws, std::uint32_t layer, std::int64_t width,
                          double rate) const override {
        torch::Tensor out = block(draws, width);
        cuda::fill_dropout(placed(draws, RandomStream::kDropout), layer, width, rate, out.data_ptr<float>(),
                           stream_of(device_));
        return out;
    }
    TensorFunction repeated(TensorFunction function) const override { return recorded(function, device_); }
    CountMatrix draw_counts(const BlockDraws& draws) const override {
        return draw_block_on_gpu(draws, stream_of(device_));
    }

  private:
    MakeHalo halo_maker(const GraphShard& shard, HaloNumbers numbers = HaloNumbers::kFloat32) const {
        return [this, &shard, numbers, stream = stream_of(device_)](const std::int32_t* send_rows) {
            return nccl_ ? make_nccl_halo(*nccl_, shard.plan, send_rows, buffers_, stream, numbers)
                         : make_staged_halo(comm(), shard.plan, send_rows, buffers_, stream, numbers);
        };
    }
    torch::Tensor block(const CellDraws& draws, std::int64_t width) const {
        return torch::empty({draws.ids.size(0), width}, torch::TensorOptions(device_));
    }
    static cuda::PlacedRows placed(const CellDraws& draws, RandomStream stream) {
        return {draws.seed, stream, draws.step, draws.ids.const_data_ptr<std::int64_t>(), draws.ids.size(0)};
    }

    int gpu_;
    double free_bytes_;
    torch::Device device_;
    // Sends and waits change them, whatever they are used for.
    mutable std::optional<NcclCommunicator> nccl_;
    mutable HaloBuffers buffers_;
    std::unique_ptr<BlockSearch> block_search_;
};

}  // namespace

std::shared_ptr<const Backend> make_cuda_backend(const Communicator& comm, const Device& device,
                                                 double timeout_seconds) {
    return std::make_shared<CudaBackend>(comm, device, timeout_seconds);
}

}  // namespace lapatlas
