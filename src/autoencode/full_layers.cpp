#include "src/autoencode/full_layers.hpp"

#include <torch/torch.h>

namespace lapatlas {

namespace {

/// Of scvi-tools' batch norms.
constexpr double kMomentum = 0.01, kEpsilon = 1e-3;

}  // namespace

torch::Tensor LayerDropout::operator()(const torch::Tensor& x) {
    if (!draws_.dropout) return x;
    if (x.size(0) == cells_) return draws_.dropout(x, layer_++);
    const torch::Tensor mask = draws_.dropout(torch::ones({cells_, x.size(1)}, x.options()), layer_++);
    return (x.reshape({-1, cells_, x.size(1)}) * mask).reshape(x.sizes());
}

FullLayersImpl::FullLayersImpl(std::int64_t in, std::int64_t categories, std::int64_t width,
                               std::int64_t layers)
    : categories_(categories) {
    linears_ = register_module("linears", torch::nn::ModuleList());
    norms_ = register_module("norms", torch::nn::ModuleList());
    for (std::int64_t i = 0; i < layers; ++i) {
        // The norm behind it takes a bias away.
        linears_->push_back(
            torch::nn::Linear(torch::nn::LinearOptions(i == 0 ? in + categories : width, width).bias(false)));
        norms_->push_back(SynchronisedNorm(width, kMomentum, kEpsilon));
    }
}

torch::Tensor FullLayersImpl::forward(const torch::Tensor& x, const torch::Tensor& codes,
                                      const SumOverRanks& sum, LayerDropout* dropout) {
    torch::Tensor h = x;
    for (std::size_t i = 0; i < linears_->size(); ++i) {
        const torch::Tensor& weight = linears_[i]->as<torch::nn::Linear>()->weight;
        const std::int64_t in = h.size(1);
        // A product with ones and zeros takes rows of the weight.
        torch::Tensor product = torch::mm(h, weight.narrow(1, 0, in).t());
        if (i == 0 && categories_ > 0)
            product = product + weight.narrow(1, in, categories_).t().index_select(0, codes);
        h = torch::relu(norms_[i]->as<SynchronisedNorm>()->forward(product, sum));
        if (dropout != nullptr) h = (*dropout)(h);
    }
    return h;
}

}  // namespace lapatlas
