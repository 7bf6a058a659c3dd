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

/// The polynomials of a graph convolution: T_k of L^ (LapDDPM 3.2.1; Defferrard et al. 2016), or powers of
/// the normalised adjacency S = -L^ (Du et al. 2017, TAGCN).
enum class GraphBasis { kChebyshev, kAdjacencyPowers };

// Graph convolution out = sum_k T_k(L^) Y_k, Y_k = X W_k, by Clenshaw's recurrence b_k = Y_k + 2 L^ b_k+1 -
// b_k+2, out = Y_0 + L^ b_1 - b_2; of powers by Horner's, b_k = Y_k + S b_k+1, out = b_0. Every product by
// the graph and every halo message is as wide as the output, never as the input, and Y_k is made while the
// halo of b_k+1 travels. In backward P_0 = dOut, P_1 = L^ P_0, P_k = 2 L^ P_k-1 - P_k-2, or P_k = S P_k-1
// (both are symmetric), and dW_k = X^T P_k, made while the halo of P_k travels. Memory: some five blocks of
// rows x width, whatever the order.

/// X dense: x [num_owned, in] and weight [order, in, width], whose products are rounded as factor_type has
/// it. Returns [num_owned, width] float32. Differentiable in both. Collective, backward too.
torch::Tensor graph_convolution(GraphBasis basis, const torch::Tensor& x, const torch::Tensor& weight,
                                const std::shared_ptr<GraphOperator>& graph);

/// The first layer: X the sparse counts beside dense `encodings` [num_owned, e], which get no gradient.
/// weights: `order` tensors [genes, width]; encoding_weight [order, e, width]. With a sink each dW_k is
/// handed over at once, so that its all-reduce runs beside the products that follow. Collective, backward
/// too.
torch::Tensor sparse_graph_convolution(GraphBasis basis, const std::shared_ptr<const EncoderInput>& x,
                                       const std::vector<torch::Tensor>& weights,
                                       const torch::Tensor& encodings, const torch::Tensor& encoding_weight,
                                       const std::shared_ptr<GraphOperator>& graph, GradientSink* sink);

}  // namespace lapatlas
