#include "src/embed/encoder_input_cuda.hpp"

#include <algorithm>

#include "src/embed/dense_input_cuda.hpp"
#include "src/embed/mixed_precision.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kTileBytes = std::int64_t{1} << 30;

class DenseEncoderInput : public EncoderInput {
  public:
    DenseEncoderInput(const DeviceRows& matrix, torch::Tensor rows, const torch::Tensor& ids,
                      const EntryMask& mask, CUstream_st* stream)
        : matrix_(matrix),
          rows_(std::move(rows)),
          ids_(ids.index_select(0, rows_)),
          mask_(mask),
          type_(factor_type(rows_.device())),
          stream_(stream) {}

    std::int64_t num_rows() const override { return rows_.size(0); }
    std::int64_t num_genes() const override { return matrix_.num_genes; }

    void times(const torch::Tensor& w, const torch::Tensor& out, const Poll& /*poll*/) const override {
        for_tiles([&](std::int64_t first, const torch::Tensor& tile) {
            multiply(out.narrow(0, first, tile.size(0)), tile, w);
        });
    }
    void transposed_times(const torch::Tensor& y, const torch::Tensor& out,
                          const Poll& /*poll*/) const override {
        if (num_rows() == 0) out.zero_();
        for_tiles([&](std::int64_t first, const torch::Tensor& tile) {
            multiply(out, tile.t(), y.narrow(0, first, tile.size(0)), first > 0);
        });
    }

  private:
    template <class Use>
    void for_tiles(const Use& use) const {
        const std::int64_t rows_a_tile =
            std::max<std::int64_t>(1, kTileBytes / (std::max<std::int64_t>(1, num_genes()) * 4));
        if (num_rows() <= rows_a_tile) {
            if (!whole_.defined()) whole_ = dense(0, num_rows());
            if (num_rows() > 0) use(0, whole_);
            return;
        }
        for (std::int64_t first = 0; first < num_rows(); first += rows_a_tile)
            use(first, dense(first, std::min(rows_a_tile, num_rows() - first)));
    }
    torch::Tensor dense(std::int64_t first, std::int64_t count) const {
        torch::Tensor out = torch::empty({count, num_genes()}, matrix_.values.options().dtype(type_));
        const cuda::MaskedCells cells{.matrix = matrix_.view(),
                                      .rows = rows_.data_ptr<std::int32_t>() + first,
                                      .ids = ids_.data_ptr<std::int64_t>() + first,
                                      .cells = count,
                                      .fraction = mask_.fraction,
                                      .seed = mask_.seed,
                                      .step = mask_.step};
        if (type_ == torch::kBFloat16)
            cuda::densify(cells, num_genes(), static_cast<std::uint16_t*>(out.data_ptr()), stream_);
        else
            cuda::densify(cells, num_genes(), out.data_ptr<float>(), stream_);
        return out;
    }

    DeviceRows matrix_;
    torch::Tensor rows_, ids_;  // [cells]
    EntryMask mask_;
    torch::ScalarType type_;  ///< of the tiles: what factors were rounded to when this was made
    CUstream_st* stream_;
    mutable torch::Tensor whole_;
};

}  // namespace

std::shared_ptr<const EncoderInput> make_dense_encoder_input(const DeviceRows& matrix,
                                                             const torch::Tensor& rows,
                                                             const torch::Tensor& ids, const EntryMask& mask,
                                                             CUstream_st* stream) {
    return std::make_shared<DenseEncoderInput>(matrix, rows, ids, mask, stream);
}

}  // namespace lapatlas
