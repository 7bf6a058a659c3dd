#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace lapatlas {

/// A column of covariates as a network takes it: numbers are standardised by `mean` and `deviation`.
struct CovariateOptions {
    std::int64_t categories = 0;  ///< 0: numbers
    double mean = 0, deviation = 1;
};

/// Covariates as one vector of a condition: each category has an embedding of its own, a number goes through
/// two layers; a missing value is a learned vector. The vectors of all columns are added.
class CovariateEmbeddingImpl : public torch::nn::Cloneable<CovariateEmbeddingImpl> {
  public:
    CovariateEmbeddingImpl(std::vector<CovariateOptions> columns, std::int64_t width)
        : columns_(std::move(columns)), width_(width) {
        reset();
    }
    void reset() override;
    /// values [n, columns] (see CovariateColumn) -> [n, width].
    torch::Tensor forward(const torch::Tensor& values);

  private:
    std::vector<CovariateOptions> columns_;
    std::int64_t width_;
    torch::nn::ModuleList of_columns_{nullptr};  ///< an Embedding of categories and missing, or two layers
    std::vector<torch::Tensor> missing_;         // [width] of numbers; undefined of categories
};
TORCH_MODULE(CovariateEmbedding);

}  // namespace lapatlas
