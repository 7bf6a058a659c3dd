#include "src/train/reduced_gradients.hpp"

#include <algorithm>

#include "dist/error.hpp"

namespace lapatlas {

namespace {
std::vector<std::int64_t> sizes_of(const std::vector<torch::Tensor>& parameters) {
    std::vector<std::int64_t> sizes;
    for (const torch::Tensor& parameter : parameters) sizes.push_back(parameter.numel());
    return sizes;
}
}  // namespace

ReducedGradients::ReducedGradients(const Backend& backend, std::vector<torch::Tensor> parameters,
                                   const std::vector<torch::Tensor>& written_directly)
    : parameters_(std::move(parameters)), reducer_(backend.gradient_reducer(sizes_of(parameters_))) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        index_of_[parameters_[i].unsafeGetTensorImpl()] = i;
        const bool direct = std::any_of(written_directly.begin(), written_directly.end(),
                                        [&](const torch::Tensor& t) { return t.is_same(parameters_[i]); });
        if (direct) continue;
        const unsigned hook = parameters_[i].register_hook([this, i](const torch::Tensor& gradient) {
            slot(i).copy_(gradient);
            reducer_->mark_ready(i);
        });
        hooks_.emplace_back(i, hook);
    }
}

ReducedGradients::~ReducedGradients() {
    begin();
    for (const auto& [parameter, hook] : hooks_) parameters_[parameter].remove_hook(hook);
}

void ReducedGradients::begin() {
    for (torch::Tensor& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
}

torch::Tensor ReducedGradients::slot(std::size_t parameter) {
    return torch::from_blob(reducer_->slot(parameter).data(), parameters_[parameter].sizes(),
                            parameters_[parameter].options());
}

torch::Tensor ReducedGradients::gradient_of(const torch::Tensor& parameter) {
    return slot(index_of_.at(parameter.unsafeGetTensorImpl()));
}

void ReducedGradients::gradient_is_ready(const torch::Tensor& parameter) {
    reducer_->mark_ready(index_of_.at(parameter.unsafeGetTensorImpl()));
}

void ReducedGradients::finish() {
    reducer_->finish();
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].mutable_grad() = slot(i);
}

}  // namespace lapatlas
