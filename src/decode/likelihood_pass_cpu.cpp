#include <utility>

#include "src/decode/likelihood_pass.hpp"

namespace lapatlas {

namespace {

class HostCellCounts : public CellCounts {
  public:
    HostCellCounts(CountMatrix counts, std::vector<float> library)
        : matrix_(std::move(counts)), library_(std::move(library)) {
        for (std::int64_t row = 0; row < matrix_.num_rows(); ++row) counts_.push_back(row_of(matrix_, row));
    }
    std::int64_t num_cells() const override { return matrix_.num_rows(); }
    std::unique_ptr<LikelihoodPass> likelihood_pass(
        const LikelihoodModel& model, const std::vector<std::int32_t>& dispersion_rows) const override;

    OnHost on_host() const override { return {counts_, library_}; }
    std::span<const SparseCounts> counts() const { return counts_; }
    std::span<const float> library() const { return library_; }

  private:
    CountMatrix matrix_;
    std::vector<SparseCounts> counts_;  // its rows
    std::vector<float> library_;
};

class HostLikelihoodPass : public LikelihoodPass {
  public:
    HostLikelihoodPass(const HostCellCounts& cells, const LikelihoodModel& model,
                       const std::vector<std::int32_t>& dispersion_rows)
        : cells_(cells),
          model_{model.genes, model.dispersion.defined(), model.size_factor, {}},
          dispersion_rows_(dispersion_rows) {
        if (!model.dispersion.defined()) return;
        const torch::Tensor theta = model.dispersion.contiguous();
        model_.dispersion.assign(theta.data_ptr<float>(), theta.data_ptr<float>() + theta.numel());
    }

    void add(std::int64_t first, const torch::Tensor& logits, bool /*with_gradients*/) override {
        const auto from = static_cast<std::size_t>(first), size = static_cast<std::size_t>(logits.size(0));
        const std::span<const std::int32_t> rows(dispersion_rows_);
        if (!work_.defined() || work_.size(0) < logits.size(0)) work_ = torch::empty_like(logits);
        likelihood_and_gradient(model_, cells_.counts().subspan(from, size),
                                cells_.library().subspan(from, size),
                                rows.empty() ? rows : rows.subspan(from, size), 1.0f,
                                logits.data_ptr<float>(), work_.data_ptr<float>(), sums_);
    }

    Sums sums() override {
        Sums result{torch::tensor(sums_.negative_log_likelihood, torch::kFloat64), torch::zeros({0})};
        if (model_.negative_binomial) {
            sums_.dispersion_gradient.resize(model_.dispersion.size(), 0.0);
            result.dispersion_gradient = torch::tensor(sums_.dispersion_gradient, torch::kFloat64)
                                             .to(torch::kFloat32)
                                             .view({-1, model_.genes});
        }
        return result;
    }

  private:
    const HostCellCounts& cells_;
    CountLikelihood model_;
    std::vector<std::int32_t> dispersion_rows_;
    torch::Tensor work_;
    LikelihoodSums sums_;
};

std::unique_ptr<LikelihoodPass> HostCellCounts::likelihood_pass(
    const LikelihoodModel& model, const std::vector<std::int32_t>& dispersion_rows) const {
    return std::make_unique<HostLikelihoodPass>(*this, model, dispersion_rows);
}

}  // namespace

std::shared_ptr<const CellCounts> make_host_cell_counts(CountMatrix counts, std::vector<float> library) {
    return std::make_shared<HostCellCounts>(std::move(counts), std::move(library));
}

}  // namespace lapatlas
