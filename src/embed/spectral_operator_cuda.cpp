#include <numeric>

#include "src/embed/sparse_kernels_cuda.hpp"
#include "src/embed/spectral_operator_cuda.cuh"
#include "src/embed/tensor_of.hpp"
#include "src/graph/laplacian.hpp"

namespace lapatlas {

namespace {

/// A sparse float64 matrix by rows in GPU memory, owned by tensors.
struct SparseBlock {
    torch::Tensor row_offsets, columns, values;

    cuda::SparseRows<double> view() const {
        return {row_offsets.data_ptr<std::int64_t>(), columns.data_ptr<std::int32_t>(),
                values.data_ptr<double>()};
    }
};

std::vector<double> adjacency_values(const Communicator& comm, const GraphShard& shard) {
    const std::vector<double> roots = inverse_root_degrees(comm, shard);
    std::vector<double> values;
    values.reserve(shard.columns.size());
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (const std::int32_t column : shard.neighbours(r))
            values.push_back(roots[static_cast<std::size_t>(r)] * roots[static_cast<std::size_t>(column)]);
    return values;
}

constexpr std::size_t kPiece = 1024;

/// Sums over the rows of each component in two products, so that a component of all rows is not one long sum:
/// of pieces of its rows, then of the pieces.
struct TrivialSums {
    std::int64_t pieces = 0;
    SparseBlock of_rows, of_pieces;

    TrivialSums(const TrivialVectors& trivial, const torch::Device& device) {
        std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(trivial.count));
        for (std::size_t r = 0; r < trivial.component.size(); ++r)
            rows[static_cast<std::size_t>(trivial.component[r])].push_back(static_cast<std::int32_t>(r));
        std::vector<std::int64_t> row_offsets{0}, piece_offsets{0};
        std::vector<std::int32_t> columns;
        std::vector<double> values;
        for (const auto& members : rows) {
            for (std::size_t first = 0; first < members.size(); first += kPiece) {
                for (std::size_t i = first; i < std::min(members.size(), first + kPiece); ++i) {
                    columns.push_back(members[i]);
                    values.push_back(trivial.value[static_cast<std::size_t>(members[i])]);
                }
                row_offsets.push_back(static_cast<std::int64_t>(columns.size()));
                ++pieces;
            }
            piece_offsets.push_back(pieces);
        }
        std::vector<std::int32_t> all(static_cast<std::size_t>(pieces));
        std::iota(all.begin(), all.end(), 0);
        of_rows = {tensor_of(row_offsets, device), tensor_of(columns, device), tensor_of(values, device)};
        of_pieces = {tensor_of(piece_offsets, device), tensor_of(all, device),
                     tensor_of(std::vector<double>(all.size(), 1), device)};
    }
};

class CudaSpectralOperator : public SpectralOperator {
  public:
    CudaSpectralOperator(const Communicator& comm, const GraphShard& shard, const TrivialVectors& trivial,
                         const MakeHalo& make_halo, const torch::Device& device, cudaStream_t stream)
        : device_(device),
          num_owned_(shard.num_owned),
          num_ghosts_(shard.num_ghosts()),
          num_components_(trivial.count),
          adjacency_{tensor_of(shard.row_offsets, device), tensor_of(shard.columns, device),
                     tensor_of(adjacency_values(comm, shard), device)},
          sums_(trivial, device),
          interior_(tensor_of(shard.interior_rows, device)),
          boundary_(tensor_of(shard.boundary_rows, device)),
          sent_rows_(tensor_of(shard.plan.send_rows, device)),
          halo_(make_halo(sent_rows_.const_data_ptr<std::int32_t>())),
          stream_(stream) {}

    torch::Device device() const override { return device_; }
    std::int64_t num_owned() const override { return num_owned_; }
    std::int64_t num_local() const override { return num_owned_ + num_ghosts_; }

    void apply(const torch::Tensor& in, const torch::Tensor& out) override {
        // A halo only copies: to it a float64 is two float32.
        halo_->start(static_cast<float*>(in.data_ptr()), num_owned_, 2 * in.size(1));
        sum(adjacency_, &interior_, interior_.size(0), in, out);
        halo_->finish();
        sum(adjacency_, &boundary_, boundary_.size(0), in, out);
    }
    torch::Tensor trivial_products(const torch::Tensor& block) override {
        const torch::Tensor parts = torch::empty({sums_.pieces, block.size(1)}, block.options());
        const torch::Tensor products = torch::empty({num_components_, block.size(1)}, block.options());
        sum(sums_.of_rows, nullptr, sums_.pieces, block, parts);
        sum(sums_.of_pieces, nullptr, num_components_, parts, products);
        return products;
    }

  private:
    void sum(const SparseBlock& matrix, const torch::Tensor* rows, std::int64_t num_rows,
             const torch::Tensor& in, const torch::Tensor& out) const {
        cuda::weighted_row_sums<double>(
            matrix.view(), rows != nullptr ? rows->data_ptr<std::int32_t>() : nullptr, num_rows,
            in.data_ptr<double>(), in.size(1), 1, nullptr, nullptr, out.data_ptr<double>(), stream_);
    }

    torch::Device device_;
    std::int64_t num_owned_, num_ghosts_, num_components_;
    SparseBlock adjacency_;
    TrivialSums sums_;
    torch::Tensor interior_, boundary_, sent_rows_;
    std::unique_ptr<DeviceHalo> halo_;
    cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<SpectralOperator> make_cuda_spectral_operator(
    const Communicator& comm, const GraphShard& shard, const TrivialVectors& trivial,
    const MakeHalo& make_halo, const torch::Device& device, cudaStream_t stream) {
    return std::make_unique<CudaSpectralOperator>(comm, shard, trivial, make_halo, device, stream);
}

}  // namespace lapatlas
