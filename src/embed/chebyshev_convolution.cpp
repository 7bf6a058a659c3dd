#include "src/embed/chebyshev_convolution.hpp"

namespace lapatlas {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A feature block with room for the ghosts, [num_local, width], its owned rows those of `head` [num_owned,
/// width].
torch::Tensor local_block(const GraphOperator& graph, const torch::Tensor& head) {
    torch::Tensor block = torch::empty({graph.num_local(), head.size(1)}, head.options());
    block.narrow(0, 0, graph.num_owned()).copy_(head);
    return block;
}

/// Clenshaw's recurrence; y is [order, num_owned, width], contiguous.
torch::Tensor clenshaw(GraphOperator& graph, const torch::Tensor& y) {
    const std::int64_t order = y.size(0), owned = graph.num_owned(), width = y.size(2);
    torch::Tensor out = torch::empty({owned, width}, y.options());
    if (order == 1) return out.copy_(y[0]);
    torch::Tensor later = local_block(graph, y[order - 1]);  // b_k+1
    torch::Tensor latest;                                    // b_k+2
    for (std::int64_t k = order - 2; k >= 1; --k) {
        torch::Tensor next = torch::empty_like(later);
        graph.apply(later, 2, y[k], latest, next);
        latest = later;
        later = next;
    }
    graph.apply(later, 1, y[0], latest, out);
    return out;
}

/// The adjoint: P_0 = gradient, P_k = 2 L^ P_k-1 - P_k-2 (L^ is symmetric). visit(k, P_k [num_owned, width])
/// is called for every k in order; for k + 1 < order it runs while the halo of P_k travels.
template <class Visit>
void chebyshev_adjoint(GraphOperator& graph, const torch::Tensor& gradient, std::int64_t order, Visit visit) {
    torch::Tensor current = local_block(graph, gradient);
    torch::Tensor previous;
    for (std::int64_t k = 0; k < order; ++k) {
        const torch::Tensor term = current.narrow(0, 0, graph.num_owned());
        if (k + 1 == order) {
            visit(k, term);
            return;
        }
        torch::Tensor next = torch::empty_like(current);
        graph.apply(current, k == 0 ? 1.0f : 2.0f, {}, previous, next, [&] { visit(k, term); });
        previous = current;
        current = next;
    }
}

class ChebyshevSum : public torch::autograd::Function<ChebyshevSum> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& y,
                                 const std::shared_ptr<GraphOperator>& graph) {
        context->saved_data["order"] = y.size(0);
        graphs(context, graph);
        return clenshaw(*graph, y.contiguous());
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const std::int64_t order = context->saved_data["order"].toInt();
        const auto graph = graphs(context);
        torch::Tensor dy =
            torch::empty({order, graph->num_owned(), gradients[0].size(1)}, gradients[0].options());
        chebyshev_adjoint(*graph, gradients[0], order,
                          [&](std::int64_t k, const torch::Tensor& term) { dy[k].copy_(term); });
        return {dy, torch::Tensor()};
    }

    /// C++ objects travel through the context inside a custom-class-free holder: a capsule by address would
    /// not own.
    struct Holder : torch::CustomClassHolder {
        std::shared_ptr<GraphOperator> graph;
        std::shared_ptr<const EncoderInput> x;
        GradientSink* sink = nullptr;
    };
    static void graphs(AutogradContext* context, const std::shared_ptr<GraphOperator>& graph) {
        auto holder = c10::make_intrusive<Holder>();
        holder->graph = graph;
        context->saved_data["holder"] = torch::IValue::make_capsule(holder);
    }
    static std::shared_ptr<GraphOperator> graphs(AutogradContext* context) {
        return c10::static_intrusive_pointer_cast<Holder>(context->saved_data["holder"].toCapsule())->graph;
    }
};

class SparseChebyshev : public torch::autograd::Function<SparseChebyshev> {
  public:
    using Holder = ChebyshevSum::Holder;

    static torch::Tensor forward(AutogradContext* context, torch::TensorList weights,
                                 const torch::Tensor& extra, const c10::intrusive_ptr<Holder>& holder) {
        const auto order = static_cast<std::int64_t>(weights.size());
        const EncoderInput& x = *holder->x;
        const std::int64_t width = weights[0].size(1);
        context->saved_data["holder"] = torch::IValue::make_capsule(holder);
        context->save_for_backward(weights.vec());
        torch::Tensor y = torch::empty({order, x.num_rows(), width}, weights[0].options());
        for (std::int64_t k = 0; k < order; ++k) x.times(weights[static_cast<std::size_t>(k)], y[k]);
        y.add_(extra);
        return clenshaw(*holder->graph, y);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto holder =
            c10::static_intrusive_pointer_cast<Holder>(context->saved_data["holder"].toCapsule());
        const variable_list weights = context->get_saved_variables();
        const auto order = static_cast<std::int64_t>(weights.size());
        const EncoderInput& x = *holder->x;
        const std::int64_t width = gradients[0].size(1);
        torch::Tensor dextra = torch::empty({order, x.num_rows(), width}, gradients[0].options());
        variable_list result(weights.size());
        chebyshev_adjoint(*holder->graph, gradients[0], order,
                          [&](std::int64_t k, const torch::Tensor& term) {
                              const auto index = static_cast<std::size_t>(k);
                              dextra[k].copy_(term);
                              if (holder->sink != nullptr) {
                                  x.transposed_times(term, holder->sink->gradient_of(weights[index]));
                                  holder->sink->gradient_is_ready(weights[index]);
                              } else {
                                  result[index] = torch::empty_like(weights[index]);
                                  x.transposed_times(term, result[index]);
                              }
                          });
        result.push_back(dextra);
        result.emplace_back();
        return result;
    }
};

}  // namespace

torch::Tensor chebyshev_sum(const torch::Tensor& y, const std::shared_ptr<GraphOperator>& graph) {
    return ChebyshevSum::apply(y, graph);
}

torch::Tensor sparse_chebyshev_convolution(const std::shared_ptr<const EncoderInput>& x,
                                           const std::vector<torch::Tensor>& weights,
                                           const torch::Tensor& extra,
                                           const std::shared_ptr<GraphOperator>& graph, GradientSink* sink) {
    auto holder = c10::make_intrusive<SparseChebyshev::Holder>();
    holder->graph = graph;
    holder->x = x;
    holder->sink = sink;
    return SparseChebyshev::apply(torch::TensorList(weights), extra, holder);
}

}  // namespace lapatlas
