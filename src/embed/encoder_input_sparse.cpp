#include <utility>

#include "src/embed/encoder_input.hpp"

namespace lapatlas {

namespace {

/// The order by genes is made when it is first needed.
class SparseEncoderInput : public EncoderInput {
  public:
    explicit SparseEncoderInput(SparseInput x) : x_(std::move(x)) {}
    std::int64_t num_rows() const override { return x_.num_rows; }
    std::int64_t num_genes() const override { return x_.num_genes; }
    void times(const torch::Tensor& w, const torch::Tensor& out, const Poll& poll) const override {
        sparse_times_dense(x_, w.data_ptr<float>(), w.size(1), out.data_ptr<float>(), poll);
    }
    void transposed_times(const torch::Tensor& y, const torch::Tensor& out, const Poll& poll) const override {
        // Only training asks for this.
        if (x_.gene_offsets.empty()) order_by_gene(x_);
        transposed_sparse_times_dense(x_, y.data_ptr<float>(), y.size(1), out.data_ptr<float>(), poll);
    }

  private:
    mutable SparseInput x_;
};

}  // namespace

std::shared_ptr<const EncoderInput> make_sparse_encoder_input(SparseInput x) {
    return std::make_shared<SparseEncoderInput>(std::move(x));
}

}  // namespace lapatlas
