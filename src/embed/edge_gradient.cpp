#include "src/embed/edge_gradient.hpp"

#include <cmath>

#include "dist/halo_exchange.hpp"
#include "src/graph/edge_perturbation.hpp"

namespace lapatlas {

namespace {

/// The blocks of a Chebyshev convolution: b_k [local rows, width] of Clenshaw's recurrence, and of its
/// adjoint P_k = d loss / d b_k; both with ghost rows.
struct ConvolutionBlocks {
    std::vector<torch::Tensor> b, adjoint;
};

/// One product whose result is not wanted: it fills the ghost rows of `block`.
void fill_ghosts(GraphOperator& graph, const torch::Tensor& block) {
    graph.apply(block, 1, {}, {}, torch::empty_like(block));
}

/// y [order][owned rows, width]: what enters the recurrence.
std::vector<torch::Tensor> clenshaw_blocks(GraphOperator& graph, const std::vector<torch::Tensor>& y) {
    const auto order = static_cast<std::int64_t>(y.size());
    const std::int64_t owned = graph.num_owned(), width = y.front().size(1);
    std::vector<torch::Tensor> b(y.size());
    for (std::int64_t k = order - 1; k >= 0; --k) {
        const auto at = static_cast<std::size_t>(k);
        b[at] = torch::zeros({graph.num_local(), width});
        if (k == order - 1)
            b[at].narrow(0, 0, owned).copy_(y[at]);
        else
            graph.apply(b[at + 1], k == 0 ? 1.0F : 2.0F, y[at], k + 2 < order ? b[at + 2] : torch::Tensor(),
                        b[at]);
    }
    return b;
}

std::vector<torch::Tensor> adjoint_blocks(GraphOperator& graph, const torch::Tensor& gradient,
                                          std::size_t order) {
    std::vector<torch::Tensor> p(order);
    for (std::size_t k = 0; k < order; ++k) {
        p[k] = torch::zeros({graph.num_local(), gradient.size(1)});
        if (k == 0)
            p[k].narrow(0, 0, graph.num_owned()).copy_(gradient);
        else
            graph.apply(p[k - 1], k == 1 ? 1.0F : 2.0F, {}, k >= 2 ? p[k - 2] : torch::Tensor(), p[k]);
    }
    fill_ghosts(graph, p.back());
    return p;
}

/// d loss / d L^_ij + d loss / d L^_ji, added to `sums` [edges]: b_k is made of c_k L^ b_k+1, c_0 = 1,
/// others 2.
void add_products(const GraphShard& shard, const ConvolutionBlocks& blocks, std::vector<double>& sums) {
    const std::int64_t width = blocks.b.front().size(1);
    for (std::size_t k = 0; k + 1 < blocks.b.size(); ++k) {
        const double factor = k == 0 ? 1 : 2;
        const auto *p = blocks.adjoint[k].const_data_ptr<float>(),
                   *b = blocks.b[k + 1].const_data_ptr<float>();
        for (std::int64_t row = 0; row < shard.num_owned; ++row)
            for (std::int64_t e = shard.row_offsets[static_cast<std::size_t>(row)];
                 e < shard.row_offsets[static_cast<std::size_t>(row) + 1]; ++e) {
                const std::int64_t column = shard.columns[static_cast<std::size_t>(e)];
                double sum = 0;
                for (std::int64_t j = 0; j < width; ++j)
                    sum += static_cast<double>(p[row * width + j]) * b[column * width + j] +
                           static_cast<double>(p[column * width + j]) * b[row * width + j];
                sums[static_cast<std::size_t>(e)] += factor * sum;
            }
    }
}

/// From L^_ij = -w_ij / sqrt(D_i D_j), D_i = sum_j w_ij.
std::vector<double> from_laplacian_to_weights(const Communicator& comm, const GraphShard& shard,
                                              std::span<const float> weights,
                                              const std::vector<double>& of_entries) {
    const auto local = static_cast<std::size_t>(shard.num_owned + shard.num_ghosts());
    std::vector<double> roots(local, 0), of_degrees(local, 0);
    const auto for_edges = [&](const auto& visit) {
        for (std::int64_t row = 0; row < shard.num_owned; ++row)
            for (std::int64_t e = shard.row_offsets[static_cast<std::size_t>(row)];
                 e < shard.row_offsets[static_cast<std::size_t>(row) + 1]; ++e)
                visit(static_cast<std::size_t>(row), static_cast<std::size_t>(e),
                      static_cast<std::size_t>(shard.columns[static_cast<std::size_t>(e)]));
    };
    HaloExchange<double> halo(comm, shard.plan);
    for_edges(
        [&](std::size_t row, std::size_t e, std::size_t) { roots[row] += static_cast<double>(weights[e]); });
    for (double& root : roots) root = root > 0 ? 1 / std::sqrt(root) : 0;
    halo.exchange(roots.data(), shard.num_owned, 1);
    // d D^-1/2 / d D = -D^-3/2 / 2; each entry with D_i in it, L^_ij and L^_ji, is in of_entries.
    for_edges([&](std::size_t row, std::size_t e, std::size_t column) {
        of_degrees[row] +=
            0.5 * static_cast<double>(weights[e]) * roots[column] * std::pow(roots[row], 3) * of_entries[e];
    });
    halo.exchange(of_degrees.data(), shard.num_owned, 1);
    std::vector<double> gradient(of_entries.size());
    for_edges([&](std::size_t row, std::size_t e, std::size_t column) {
        gradient[e] = -of_entries[e] * roots[row] * roots[column] + of_degrees[row] + of_degrees[column];
    });
    return gradient;
}

}  // namespace

std::vector<double> edge_gradient(const Communicator& comm, const GraphShard& shard,
                                  std::span<const float> weights, SpectralEncoder encoder,
                                  const std::shared_ptr<const EncoderInput>& x,
                                  const torch::Tensor& encodings,
                                  const std::function<torch::Tensor(const Posterior&)>& loss) {
    const auto graph = make_graph_operator(comm, shard, laplacian_entries(comm, shard, weights));
    auto parameters = encoder->named_parameters();
    const torch::Tensor encoding_weight = parameters["encoding_weight"].detach(),
                        second_weight = parameters["second_weight"].detach();
    const std::int64_t order = second_weight.size(0), width = second_weight.size(1);

    std::vector<torch::Tensor> y1, y2;
    {
        const torch::NoGradGuard no_grad;
        for (std::int64_t k = 0; k < order; ++k) {
            torch::Tensor y = torch::zeros({graph->num_owned(), width});
            x->times(encoder->sparse_weights()[static_cast<std::size_t>(k)], y);
            y1.push_back(y + torch::mm(encodings, encoding_weight[k]));
        }
    }
    ConvolutionBlocks first{clenshaw_blocks(*graph, y1), {}};
    const torch::Tensor out1 = first.b.front().narrow(0, 0, graph->num_owned()).clone().requires_grad_();
    const torch::Tensor hidden = torch::relu(out1 + parameters["first_bias"].detach());
    for (std::int64_t k = 0; k < order; ++k) y2.push_back(torch::mm(hidden.detach(), second_weight[k]));
    ConvolutionBlocks second{clenshaw_blocks(*graph, y2), {}};
    // The same product once more, with gradients to the first layer's output.
    const torch::Tensor out2 = graph_convolution(GraphBasis::kChebyshev, hidden, second_weight, graph);
    out2.retain_grad();
    const Posterior posterior = encoder->heads(torch::relu(out2 + parameters["second_bias"].detach()));
    loss(posterior).backward();

    const torch::NoGradGuard no_grad;
    first.adjoint = adjoint_blocks(*graph, out1.grad(), static_cast<std::size_t>(order));
    second.adjoint = adjoint_blocks(*graph, out2.grad(), static_cast<std::size_t>(order));
    for (const ConvolutionBlocks* blocks : {&first, &second})
        for (const torch::Tensor& block : blocks->b) fill_ghosts(*graph, block);
    std::vector<double> sums(static_cast<std::size_t>(shard.num_edges()), 0);
    add_products(shard, first, sums);
    add_products(shard, second, sums);
    return from_laplacian_to_weights(comm, shard, weights, sums);
}

}  // namespace lapatlas
