#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "src/embed/encoder_input.hpp"
#include "src/embed/graph_operator.hpp"

namespace lapatlas {

/// Takes gradients the moment backward has made them (the trainer's reducer); null in tests and evaluation.
class GradientSink {
  public:
    virtual ~GradientSink() = default;
    /// Where the gradient of `parameter` is to be written: a tensor of its shape, on its device.
    virtual torch::Tensor gradient_of(const torch::Tensor& parameter) = 0;
    virtual void gradient_is_ready(const torch::Tensor& parameter) = 0;
};

/// Chebyshev graph convolution (LapDDPM 3.2.1; Defferrard et al. 2016) on transformed features:
/// out = sum_k T_k(L^) Y_k, evaluated by Clenshaw's recurrence b_k = Y_k + 2 L^ b_k+1 - b_k+2,
/// out = Y_0 + L^ b_1 - b_2. Every product and every halo message is as wide as the output, never as the
/// input. y: [order, num_owned, width] float32. Returns [num_owned, width]. Differentiable in y. Collective,
/// backward too.
torch::Tensor chebyshev_sum(const torch::Tensor& y, const std::shared_ptr<GraphOperator>& graph);

/// The first layer: out = sum_k T_k(L^) (X W_k + extra_k), X the sparse counts. weights: `order` tensors
/// [genes, width]; extra: [order, num_owned, width] (the part of other inputs). In backward P_0 = dOut, P_1 =
/// L^ P_0, P_k = 2 L^ P_k-1 - P_k-2 and dW_k = X^T P_k; dW_k is computed while the halo of P_k travels and,
/// with a sink, handed over at once, so that its all-reduce runs beside the products that follow. Collective,
/// backward too.
torch::Tensor sparse_chebyshev_convolution(const std::shared_ptr<const EncoderInput>& x,
                                           const std::vector<torch::Tensor>& weights,
                                           const torch::Tensor& extra,
                                           const std::shared_ptr<GraphOperator>& graph, GradientSink* sink);

}  // namespace lapatlas
