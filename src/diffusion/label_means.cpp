#include "src/diffusion/label_means.hpp"

#include <torch/torch.h>

namespace lapatlas {

void LabelMeansImpl::reset() {
    means_ = register_buffer("means", torch::zeros({labels_ + 1, genes_}));
    inner_ = register_module("inner", torch::nn::Linear(genes_, width_));
    outer_ = register_module("outer", torch::nn::Linear(width_, width_));
}

void LabelMeansImpl::set(const torch::Tensor& means) { means_.copy_(means); }

torch::Tensor LabelMeansImpl::forward(const torch::Tensor& labels) {
    // Labels are few: each is computed once.
    return outer_->forward(torch::silu(inner_->forward(means_))).index_select(0, labels);
}

}  // namespace lapatlas
