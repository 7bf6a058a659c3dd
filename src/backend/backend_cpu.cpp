#include <utility>

#include "src/backend/backend.hpp"

namespace lapatlas {

namespace {

class HostCellStore : public CellStore {
  public:
    explicit HostCellStore(const HostCells& cells) : cells_(cells) {}
    std::shared_ptr<const EncoderInput> inputs(std::span<const std::int32_t> rows,
                                               const EntryMask& mask) const override {
        return make_sparse_encoder_input(masked_input(cells_.inputs, rows, cells_.ids, mask));
    }
    std::shared_ptr<const CellCounts> counts(std::span<const std::int64_t> rows) const override {
        CountMatrix counts;
        counts.num_genes = cells_.counts.num_genes();
        std::vector<float> library;
        RowBuffer buffer;
        for (const std::int64_t row : rows) {
            append_row(counts, cells_.counts.row(row, buffer));
            library.push_back(cells_.library[static_cast<std::size_t>(row)]);
        }
        return make_host_cell_counts(std::move(counts), std::move(library));
    }

  private:
    HostCells cells_;
};

class CpuBackend : public Backend {
  public:
    using Backend::Backend;
    torch::Device device() const override { return torch::kCPU; }
    bool leaves_host_free() const override { return false; }
    bool multiplies_bfloat16() const override { return false; }
    std::optional<double> device_memory() const override { return std::nullopt; }
    void enter_thread() const override {}
    std::int64_t block_cells() const override { return kBlockCells; }
    void end_stage() const override {}

    std::unique_ptr<CellStore> store(const HostCells& cells) const override {
        return std::make_unique<HostCellStore>(cells);
    }
    std::shared_ptr<GraphOperator> graph_operator(const GraphShard& shard, std::vector<float> entries,
                                                  HaloStatistics* statistics) const override {
        return make_graph_operator(comm(), shard, std::move(entries), statistics);
    }
    const BlockSearch& block_search() const override { return cpu_block_search(); }
    std::unique_ptr<CentredGram> centred_gram(const ExpressionRows& local) const override {
        return std::make_unique<CentredGram>(comm(), local);
    }
    std::unique_ptr<SpectralOperator> spectral_operator(const GraphShard& shard,
                                                        const TrivialVectors& trivial) const override {
        return make_spectral_operator(comm(), shard, trivial);
    }
    std::unique_ptr<GradientReducer> gradient_reducer(std::vector<std::int64_t> sizes) const override {
        return make_mpi_gradient_reducer(comm(), std::move(sizes));
    }

    torch::Tensor normals(const CellDraws& draws, RandomStream stream, std::int64_t width) const override {
        const std::int64_t rows = draws.ids.size(0);
        const auto* ids = draws.ids.const_data_ptr<std::int64_t>();
        const PlacedRandom random(draws.seed, stream);
        torch::Tensor out = torch::empty({rows, width});
        float* values = out.data_ptr<float>();
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < rows; ++i)
            random.fill_normals(static_cast<std::uint64_t>(ids[i]), draws.step, values + i * width, width);
        return out;
    }

    torch::Tensor dropout(const CellDraws& draws, std::uint32_t layer, std::int64_t width,
                          double rate) const override {
        const std::int64_t rows = draws.ids.size(0);
        const auto* ids = draws.ids.const_data_ptr<std::int64_t>();
        const PlacedRandom random(draws.seed, RandomStream::kDropout);
        const auto threshold = static_cast<std::uint32_t>(rate * 4294967295.0);
        const auto kept = static_cast<float>(1 / (1 - rate));
        torch::Tensor out = torch::empty({rows, width});
        float* values = out.data_ptr<float>();
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t j = 0; j < width; j += 4) {
                const auto words = random.words(static_cast<std::uint64_t>(ids[i]), draws.step,
                                                layer << 24 | static_cast<std::uint32_t>(j / 4));
                for (std::int64_t w = 0; w < 4 && j + w < width; ++w)
                    values[i * width + j + w] = words[static_cast<std::size_t>(w)] < threshold ? 0.0f : kept;
            }
        return out;
    }

    TensorFunction repeated(TensorFunction function) const override { return function; }
    CountMatrix draw_counts(const BlockDraws& draws) const override { return draw_block(draws); }
};

}  // namespace

std::shared_ptr<const Backend> make_cpu_backend(const Communicator& comm) {
    return std::make_shared<CpuBackend>(comm);
}

}  // namespace lapatlas
