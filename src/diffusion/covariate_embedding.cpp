#include "src/diffusion/covariate_embedding.hpp"

#include <torch/torch.h>

#include <string>

namespace lapatlas {

void CovariateEmbeddingImpl::reset() {
    of_columns_ = register_module("columns", torch::nn::ModuleList());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        torch::Tensor missing;
        if (columns_[i].categories > 0) {
            of_columns_->push_back(torch::nn::Embedding(columns_[i].categories + 1, width_));
        } else {
            of_columns_->push_back(torch::nn::Sequential(torch::nn::Linear(1, width_), torch::nn::SiLU(),
                                                         torch::nn::Linear(width_, width_)));
            missing = register_parameter("missing_" + std::to_string(i), torch::zeros({width_}));
        }
        missing_.push_back(missing);
    }
}

torch::Tensor CovariateEmbeddingImpl::forward(const torch::Tensor& values) {
    torch::Tensor sum = torch::zeros({values.size(0), width_}, values.options());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const torch::Tensor column = values.select(1, static_cast<std::int64_t>(i));
        const torch::Tensor unknown = torch::isnan(column);
        if (columns_[i].categories > 0) {
            const torch::Tensor codes =
                torch::where(unknown, static_cast<double>(columns_[i].categories), column).to(torch::kInt64);
            sum = sum + of_columns_[i]->as<torch::nn::Embedding>()->forward(codes);
            continue;
        }
        const torch::Tensor standard =
            (torch::where(unknown, columns_[i].mean, column) - columns_[i].mean) / columns_[i].deviation;
        const torch::Tensor known =
            of_columns_[i]->as<torch::nn::Sequential>()->forward(standard.unsqueeze(1));
        sum = sum + torch::where(unknown.unsqueeze(1), missing_[i].unsqueeze(0), known);
    }
    return sum;
}

}  // namespace lapatlas
