#include "src/decode/likelihood_pass_cuda.hpp"
#include "dist/error.hpp"

#include <utility>

#include "src/decode/count_likelihood_cuda.hpp"

namespace lapatlas {

namespace {

class DeviceCellCounts : public CellCounts {
  public:
    DeviceCellCounts(const DeviceRows& matrix_, torch::Tensor rows_, torch::Tensor entry_offsets_,
                     std::int64_t num_entries_, torch::Tensor library_, CUstream_st* stream_)
        : matrix(matrix_),
          rows(std::move(rows_)),
          entry_offsets(std::move(entry_offsets_)),
          library(std::move(library_)),
          num_entries(num_entries_),
          stream(stream_) {}
    std::int64_t num_cells() const override { return rows.size(0); }
    OnHost on_host() const override { throw InternalError("the counts of these cells are on a device"); }
    std::unique_ptr<LikelihoodPass> likelihood_pass(
        const LikelihoodModel& model, const std::vector<std::int32_t>& dispersion_rows) const override;

    DeviceRows matrix;
    torch::Tensor rows, entry_offsets, library;  // [cells]
    std::int64_t num_entries;
    CUstream_st* stream;
};

class DeviceLikelihoodPass : public LikelihoodPass {
  public:
    DeviceLikelihoodPass(const DeviceCellCounts& cells, const LikelihoodModel& model,
                         const std::vector<std::int32_t>& dispersion_rows)
        : cells_(cells), model_(model) {
        const auto floats = cells.library.options();
        const std::int64_t rows = model.dispersion.defined() ? model.dispersion.size(0) : 0;
        const std::int64_t groups = cuda::likelihood_groups(rows, model.genes);
        losses_ = torch::zeros({groups}, floats.dtype(torch::kFloat64));
        if (!model.dispersion.defined()) return;
        model_.dispersion = model.dispersion.contiguous();
        gradients_ = torch::zeros({groups, rows, model.genes}, floats);
        if (!dispersion_rows.empty()) dispersion_rows_ = tensor_of(dispersion_rows, cells.rows.device());
    }

    void add(std::int64_t first, const torch::Tensor& logits, bool with_gradients) override {
        cuda::LikelihoodChunk chunk;
        chunk.cells = logits.size(0);
        chunk.genes = model_.genes;
        const cuda::SparseRows<float> matrix = cells_.matrix.view();
        chunk.row_offsets = matrix.row_offsets;
        chunk.gene_indices = matrix.columns;
        chunk.counts = matrix.values;
        chunk.rows = cells_.rows.data_ptr<std::int32_t>() + first;
        chunk.entry_offsets = cells_.entry_offsets.data_ptr<std::int64_t>() + first;
        if (model_.size_factor) chunk.library = cells_.library.data_ptr<float>() + first;
        if (model_.dispersion.defined()) {
            chunk.dispersion = model_.dispersion.data_ptr<float>();
            chunk.num_dispersion_rows = model_.dispersion.size(0);
        }
        if (dispersion_rows_.defined())
            chunk.dispersion_rows = dispersion_rows_.data_ptr<std::int32_t>() + first;
        if (with_gradients && !work_.defined())
            work_ = torch::empty({cells_.num_entries}, cells_.library.options());
        cuda::likelihood_and_gradient(chunk, 1.0f, logits.data_ptr<float>(),
                                      with_gradients ? work_.data_ptr<float>() : nullptr, parts(),
                                      cells_.stream);
    }

    Sums sums() override {
        Sums result{torch::empty({}, losses_.options()), torch::empty({0}, cells_.library.options())};
        if (gradients_.defined())
            result.dispersion_gradient =
                torch::empty({gradients_.size(1), model_.genes}, gradients_.options());
        cuda::sum_likelihood_parts(parts(), result.dispersion_gradient.numel(), 1.0f,
                                   result.negative_log_likelihood.data_ptr<double>(),
                                   result.dispersion_gradient.data_ptr<float>(), cells_.stream);
        return result;
    }

  private:
    cuda::LikelihoodParts parts() const {
        return {static_cast<int>(losses_.size(0)), losses_.data_ptr<double>(),
                gradients_.defined() ? gradients_.data_ptr<float>() : nullptr};
    }
    const DeviceCellCounts& cells_;
    LikelihoodModel model_;
    torch::Tensor losses_, gradients_, dispersion_rows_, work_;
};

std::unique_ptr<LikelihoodPass> DeviceCellCounts::likelihood_pass(
    const LikelihoodModel& model, const std::vector<std::int32_t>& dispersion_rows) const {
    return std::make_unique<DeviceLikelihoodPass>(*this, model, dispersion_rows);
}

}  // namespace

std::shared_ptr<const CellCounts> make_device_cell_counts(const DeviceRows& matrix, const torch::Tensor& rows,
                                                          const torch::Tensor& entry_offsets,
                                                          std::int64_t num_entries,
                                                          const torch::Tensor& library, CUstream_st* stream) {
    return std::make_shared<DeviceCellCounts>(matrix, rows, entry_offsets, num_entries, library, stream);
}

}  // namespace lapatlas
