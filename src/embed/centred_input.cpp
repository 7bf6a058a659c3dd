#include "src/embed/centred_input.hpp"

#include <utility>

namespace lapatlas {

namespace {

class CentredInput : public EncoderInput {
  public:
    CentredInput(std::shared_ptr<const EncoderInput> x, torch::Tensor mean)
        : x_(std::move(x)), mean_(std::move(mean)) {}
    std::int64_t num_rows() const override { return x_->num_rows(); }
    std::int64_t num_genes() const override { return x_->num_genes(); }
    void times(const torch::Tensor& w, const torch::Tensor& out, const Poll& poll) const override {
        x_->times(w, out, poll);
        out.sub_(torch::mv(w.t(), mean_));
    }
    void transposed_times(const torch::Tensor& y, const torch::Tensor& out, const Poll& poll) const override {
        x_->transposed_times(y, out, poll);
        out.addr_(mean_, y.sum(0), 1, -1);
    }

  private:
    std::shared_ptr<const EncoderInput> x_;
    torch::Tensor mean_;
};

}  // namespace

std::shared_ptr<const EncoderInput> centred(std::shared_ptr<const EncoderInput> x, torch::Tensor mean) {
    return std::make_shared<CentredInput>(std::move(x), std::move(mean));
}

}  // namespace lapatlas
