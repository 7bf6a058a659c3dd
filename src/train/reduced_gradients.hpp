#pragma once

#include <torch/torch.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "src/backend/backend.hpp"
#include "src/embed/graph_convolution.hpp"

namespace lapatlas {

/// Connects parameters to a GradientReducer: a hook on each copies its gradient into its slot the moment
/// backward has made it; after finish() every parameter's grad() is the sum over ranks. While this object
/// lives, the parameters' gradients go nowhere else.
class ReducedGradients : public GradientSink {
  public:
    /// Collective. `parameters` in the order in which backward finishes them; those in `written_directly` are
    /// filled through the GradientSink interface and get no hook.
    ReducedGradients(const Backend& backend, std::vector<torch::Tensor> parameters,
                     const std::vector<torch::Tensor>& written_directly);
    ~ReducedGradients() override;
    ReducedGradients(const ReducedGradients&) = delete;
    ReducedGradients& operator=(const ReducedGradients&) = delete;

    torch::Tensor gradient_of(const torch::Tensor& parameter) override;
    void gradient_is_ready(const torch::Tensor& parameter) override;
    /// Drops last step's sums: grad() is a view of them, and backward would add to it. Call before
    /// backward().
    void begin();
    /// Collective. Call after backward().
    void finish();
    double exposed_seconds() const { return reducer_->exposed_seconds(); }

  private:
    /// A view of the reducer's slot in the parameter's shape.
    torch::Tensor slot(std::size_t parameter);

    std::vector<torch::Tensor> parameters_;
    std::unique_ptr<GradientReducer> reducer_;
    std::unordered_map<void*, std::size_t> index_of_;  // by the parameter's TensorImpl
    std::vector<std::pair<std::size_t, unsigned>> hooks_;
};

}  // namespace lapatlas
