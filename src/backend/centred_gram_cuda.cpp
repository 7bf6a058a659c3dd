#include "src/backend/centred_gram_cuda.hpp"

#include <algorithm>

#include "src/embed/dense_input_cuda.hpp"
#include "src/embed/device_rows.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kTileBytes = std::int64_t{1} << 30;

class CudaCentredGram : public CentredGram {
  public:
    CudaCentredGram(const Communicator& comm, const ExpressionRows& local_rows, const torch::Device& device,
                    CUstream_st* stream)
        : CentredGram(comm, local_rows),
          rows_(local_rows, device),
          numbers_(torch::arange(local_rows.num_rows(), torch::TensorOptions(device).dtype(torch::kInt64))),
          short_numbers_(numbers_.to(torch::kInt32)),
          stream_(stream) {}

  private:
    RowMatrix apply_to_rows(const RowMatrix& v, const Eigen::RowVectorXd& shift) const override {
        const torch::NoGradGuard no_grad;
        const std::int64_t genes = rows_.num_genes;
        const torch::Device device = numbers_.device();
        const torch::Tensor factor =
            tensor_of(std::span(v.data(), static_cast<std::size_t>(v.size())), device)
                .view({genes, v.cols()});
        const torch::Tensor offset =
            tensor_of(std::span(shift.data(), static_cast<std::size_t>(shift.size())), device).unsqueeze(0);
        torch::Tensor total = torch::zeros({genes + 1, v.cols()}, factor.options());
        torch::Tensor of_genes = total.narrow(0, 0, genes), of_columns = total.narrow(0, genes, 1);
        const std::int64_t rows_a_tile =
            std::max<std::int64_t>(1, kTileBytes / (std::max<std::int64_t>(1, genes) * 8));
        for (std::int64_t first = 0; first < numbers_.size(0); first += rows_a_tile) {
            const torch::Tensor tile = dense(first, std::min(rows_a_tile, numbers_.size(0) - first));
            const torch::Tensor product = torch::mm(tile, factor).sub_(offset);
            of_genes.addmm_(tile.t(), product);
            of_columns.add_(product.sum(0, /*keepdim=*/true));
        }
        const torch::Tensor on_host = total.to(torch::kCPU);
        return Eigen::Map<const RowMatrix>(on_host.const_data_ptr<double>(), genes + 1, v.cols());
    }

    /// Rows first, first + 1, ... as float64 [count, genes].
    torch::Tensor dense(std::int64_t first, std::int64_t count) const {
        torch::Tensor out = torch::empty({count, rows_.num_genes}, rows_.values.options());
        const cuda::MaskedCells cells{.matrix = rows_.view(),
                                      .rows = short_numbers_.data_ptr<std::int32_t>() + first,
                                      .ids = numbers_.data_ptr<std::int64_t>() + first,
                                      .cells = count};
        cuda::densify(cells, rows_.num_genes, out.data_ptr<float>(), stream_);
        return out.to(torch::kFloat64);
    }

    DeviceRows rows_;
    torch::Tensor numbers_, short_numbers_;  // [rows] 0, 1, ...
    CUstream_st* stream_;
};

}  // namespace

std::unique_ptr<CentredGram> make_cuda_centred_gram(const Communicator& comm, const ExpressionRows& local,
                                                    const torch::Device& device, CUstream_st* stream) {
    return std::make_unique<CudaCentredGram>(comm, local, device, stream);
}

}  // namespace lapatlas
