#include "src/embed/graph_convolution.hpp"

#include "src/embed/mixed_precision.hpp"

namespace lapatlas {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// multiply() by pieces of rows with turns for `poll`; at once where it is empty.
void multiply_in_pieces(const torch::Tensor& out, const torch::Tensor& a, const torch::Tensor& b, bool adds,
                        const Poll& poll) {
    constexpr std::int64_t kRows = 4096;
    if (!poll) return multiply(out, a, b, adds);
    for (std::int64_t first = 0; first < a.size(0); first += kRows) {
        const std::int64_t count = std::min(kRows, a.size(0) - first);
        multiply(out.narrow(0, first, count), a.narrow(0, first, count), b, adds);
        poll();
    }
}

/// What a step of the recurrence multiplies L^ by, and whether the term before the last is taken away; the
/// first step from a single term (in backward), the last to Y_0 (in forward) has half of Chebyshev's.
struct Recurrence {
    float scale;
    bool has_memory;
};
Recurrence recurrence_of(GraphBasis basis, bool at_end) {
    if (basis == GraphBasis::kAdjacencyPowers) return {-1.0F, false};
    return {at_end ? 1.0F : 2.0F, true};
}

/// Clenshaw's recurrence, or Horner's; term(k, out, poll) writes Y_k [num_owned, width].
template <class Term>
torch::Tensor clenshaw(GraphOperator& graph, GraphBasis basis, std::int64_t order, std::int64_t width,
                       const torch::TensorOptions& options, const Term& term) {
    const std::int64_t owned = graph.num_owned();
    torch::Tensor out = torch::empty({owned, width}, options);
    if (order == 1) {
        term(0, out, Poll());
        return out;
    }
    const torch::Tensor y = torch::empty({owned, width}, options);
    torch::Tensor later = torch::empty({graph.num_local(), width}, options);  // b_k+1, with room for ghosts
    torch::Tensor latest;                                                     // b_k+2
    term(order - 1, later.narrow(0, 0, owned), Poll());
    for (std::int64_t k = order - 2; k >= 0; --k) {
        const torch::Tensor next = k == 0 ? out : torch::empty_like(later);
        const auto [scale, has_memory] = recurrence_of(basis, k == 0);
        graph.apply(later, scale, y, latest, next, [&](const Poll& poll) { term(k, y, poll); });
        if (has_memory) latest = later;
        later = next;
    }
    return out;
}

/// The adjoint. visit(k, P_k [num_owned, width], poll) is called for every k in order; for k + 1 < order it
/// runs while the halo of P_k travels.
template <class Visit>
void convolution_adjoint(GraphOperator& graph, GraphBasis basis, const torch::Tensor& gradient,
                         std::int64_t order, const Visit& visit) {
    torch::Tensor current = torch::empty({graph.num_local(), gradient.size(1)}, gradient.options());
    current.narrow(0, 0, graph.num_owned()).copy_(gradient);
    torch::Tensor previous;
    for (std::int64_t k = 0; k < order; ++k) {
        const torch::Tensor term = current.narrow(0, 0, graph.num_owned());
        if (k + 1 == order) return visit(k, term, Poll());
        torch::Tensor next = torch::empty_like(current);
        const auto [scale, has_memory] = recurrence_of(basis, k == 0);
        graph.apply(current, scale, {}, previous, next, [&](const Poll& poll) { visit(k, term, poll); });
        if (has_memory) previous = current;
        current = next;
    }
}

/// What backward needs beside tensors.
struct Holder : torch::CustomClassHolder {
    GraphBasis basis = GraphBasis::kChebyshev;
    std::shared_ptr<GraphOperator> graph;
    std::shared_ptr<const EncoderInput> x;
    GradientSink* sink = nullptr;
    torch::ScalarType type = torch::kFloat32;  ///< of factors
};
void keep(AutogradContext* context, const c10::intrusive_ptr<Holder>& holder) {
    context->saved_data["holder"] = torch::IValue::make_capsule(holder);
}
c10::intrusive_ptr<Holder> kept(AutogradContext* context) {
    return c10::static_intrusive_pointer_cast<Holder>(context->saved_data["holder"].toCapsule());
}

class DenseConvolution : public torch::autograd::Function<DenseConvolution> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& weight, const c10::intrusive_ptr<Holder>& holder) {
        keep(context, holder);
        context->save_for_backward({x, weight});
        const torch::Tensor x_factor = x.to(holder->type), w_factor = weight.to(holder->type);
        return clenshaw(*holder->graph, holder->basis, weight.size(0), weight.size(2), weight.options(),
                        [&](std::int64_t k, const torch::Tensor& out, const Poll& poll) {
                            multiply_in_pieces(out, x_factor, w_factor[k], false, poll);
                        });
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto holder = kept(context);
        const variable_list saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &weight = saved[1];
        const torch::Tensor x_factor = x.to(holder->type), w_factor = weight.to(holder->type);
        const torch::Tensor dx = torch::empty(x.sizes(), weight.options()),
                            dweight = torch::empty_like(weight);
        convolution_adjoint(*holder->graph, holder->basis, gradients[0], weight.size(0),
                            [&](std::int64_t k, const torch::Tensor& term, const Poll& poll) {
                                const torch::Tensor factor = term.to(holder->type);
                                multiply(dweight[k], x_factor.t(), factor);
                                multiply_in_pieces(dx, factor, w_factor[k].t(), k > 0, poll);
                            });
        return {dx, dweight, torch::Tensor()};
    }
};

class SparseConvolution : public torch::autograd::Function<SparseConvolution> {
  public:
    static torch::Tensor forward(AutogradContext* context, torch::TensorList weights,
                                 const torch::Tensor& encodings, const torch::Tensor& encoding_weight,
                                 const c10::intrusive_ptr<Holder>& holder) {
        keep(context, holder);
        variable_list saved = weights.vec();
        saved.push_back(encodings);
        context->save_for_backward(saved);
        return clenshaw(*holder->graph, holder->basis, encoding_weight.size(0), encoding_weight.size(2),
                        encoding_weight.options(),
                        [&](std::int64_t k, const torch::Tensor& out, const Poll& poll) {
                            holder->x->times(weights[static_cast<std::size_t>(k)], out, poll);
                            multiply(out, encodings, encoding_weight[k], true);
                        });
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto holder = kept(context);
        variable_list weights = context->get_saved_variables();
        const torch::Tensor encodings = weights.back();
        weights.pop_back();
        const auto order = static_cast<std::int64_t>(weights.size());
        const torch::Tensor dencoding_weight =
            torch::empty({order, encodings.size(1), gradients[0].size(1)}, encodings.options());
        variable_list result(weights.size());
        convolution_adjoint(*holder->graph, holder->basis, gradients[0], order,
                            [&](std::int64_t k, const torch::Tensor& term, const Poll& poll) {
                                const auto index = static_cast<std::size_t>(k);
                                multiply(dencoding_weight[k], encodings.t(), term);
                                if (holder->sink != nullptr) {
                                    holder->x->transposed_times(
                                        term, holder->sink->gradient_of(weights[index]), poll);
                                    holder->sink->gradient_is_ready(weights[index]);
                                } else {
                                    result[index] = torch::empty_like(weights[index]);
                                    holder->x->transposed_times(term, result[index], poll);
                                }
                            });
        result.insert(result.end(), {torch::Tensor(), dencoding_weight, torch::Tensor()});
        return result;
    }
};

}  // namespace

torch::Tensor graph_convolution(GraphBasis basis, const torch::Tensor& x, const torch::Tensor& weight,
                                const std::shared_ptr<GraphOperator>& graph) {
    auto holder = c10::make_intrusive<Holder>();
    holder->basis = basis;
    holder->graph = graph;
    holder->type = factor_type(weight.device());
    return DenseConvolution::apply(x, weight, holder);
}

torch::Tensor sparse_graph_convolution(GraphBasis basis, const std::shared_ptr<const EncoderInput>& x,
                                       const std::vector<torch::Tensor>& weights,
                                       const torch::Tensor& encodings, const torch::Tensor& encoding_weight,
                                       const std::shared_ptr<GraphOperator>& graph, GradientSink* sink) {
    auto holder = c10::make_intrusive<Holder>();
    holder->basis = basis;
    holder->graph = graph;
    holder->x = x;
    holder->sink = sink;
    return SparseConvolution::apply(torch::TensorList(weights), encodings, encoding_weight, holder);
}

}  // namespace lapatlas
