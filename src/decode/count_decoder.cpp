#include "src/decode/count_decoder.hpp"

#include <algorithm>

#include "src/decode/sampled_likelihood.hpp"
#include "src/embed/mixed_precision.hpp"

namespace lapatlas {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// theta outside this range is indistinguishable from Poisson, or from a gene that is on or off.
constexpr float kSmallestLogDispersion = -6.0f, kLargestLogDispersion = 9.0f;

/// Adam moves a parameter by at most about the learning rate a step, one unit in a thousand steps; log theta
/// has to cross ten, from genes that are on or off to genes that are Poisson. So the parameter counts in
/// tens.
constexpr float kDispersionScale = 10.0f;

/// theta from its log; undefined for Poisson.
torch::Tensor theta_of(const torch::Tensor& log_dispersion) {
    if (!log_dispersion.defined()) return {};
    return log_dispersion.detach().clamp(kSmallestLogDispersion, kLargestLogDispersion).exp();
}

/// Linear output layer and likelihood in one, chunk by chunk; the backward pass only scales what forward
/// made. Two of the three products serve the gradients of `hidden` and the layer: made only `for_networks`.
class FusedLikelihood : public torch::autograd::Function<FusedLikelihood> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& hidden,
                                 const torch::Tensor& weight, const torch::Tensor& bias,
                                 const torch::Tensor& /*log_dispersion*/, LikelihoodPass& pass,
                                 std::int64_t chunk, bool for_networks) {
        const torch::NoGradGuard no_grad;
        const std::int64_t cells = hidden.size(0);
        const torch::Tensor h = hidden.contiguous();
        const torch::ScalarType type = factor_type(h.device());
        const torch::Tensor h_factor = h.to(type), w_factor = weight.to(type);
        torch::Tensor dhidden, dweight, dbias;
        if (for_networks) {
            dhidden = torch::empty_like(h);
            dweight = torch::zeros_like(weight);
            dbias = torch::zeros_like(bias);
        }
        const std::int64_t rows = std::min(chunk, std::max<std::int64_t>(cells, 1));
        const torch::Tensor logits = torch::empty({rows, weight.size(0)}, h.options());
        for (std::int64_t first = 0; first < cells; first += rows) {
            const std::int64_t count = std::min(rows, cells - first);
            torch::Tensor block = logits.narrow(0, 0, count);
            const torch::Tensor part = h_factor.narrow(0, first, count);
            block.copy_(bias.expand_as(block));
            multiply(block, part, w_factor.t(), true);
            pass.add(first, block, for_networks);
            if (!for_networks) continue;
            const torch::Tensor gradient = block.to(type);
            multiply(dhidden.narrow(0, first, count), gradient, w_factor);
            multiply(dweight, gradient.t(), part, true);
            dbias.add_(block.sum(0));
        }
        const LikelihoodPass::Sums sums = pass.sums();
        context->save_for_backward({dhidden, dweight, dbias, sums.dispersion_gradient});
        return sums.negative_log_likelihood;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        variable_list saved = context->get_saved_variables();
        for (torch::Tensor& gradient : saved)
            if (gradient.defined()) gradient = gradient * gradients[0].to(gradient.scalar_type());
        saved.resize(7);  // the options of forward have none
        return saved;
    }
};

}  // namespace

CountDecoderImpl::CountDecoderImpl(const CountDecoderOptions& options) : options_(options) {
    first_ = register_module("first", torch::nn::Linear(options.latent + options.batches, options.hidden));
    first_norm_ =
        register_module("first_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.hidden})));
    second_ = register_module("second", torch::nn::Linear(options.hidden, options.hidden));
    second_norm_ =
        register_module("second_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.hidden})));
    output_ = register_module("output", torch::nn::Linear(options.hidden + options.batches, options.genes));
    if (options.negative_binomial)
        dispersion_ = register_parameter("dispersion", torch::zeros({options.genes}));
    if (options.negative_binomial && options.labels > 0)
        dispersion_shift_ =
            register_parameter("dispersion_shift", torch::zeros({options.labels * options.genes}), false);
}

torch::Tensor CountDecoderImpl::hidden(const torch::Tensor& z, const torch::Tensor& batches,
                                       const Dropout& dropout) {
    torch::Tensor one_hot;
    if (options_.batches > 0) one_hot = torch::one_hot(batches, options_.batches).to(torch::kFloat32);
    const auto with_batch = [&](const torch::Tensor& x) {
        return one_hot.defined() ? torch::cat({x, one_hot}, 1) : x;
    };
    torch::Tensor x = torch::relu(first_norm_(first_(with_batch(z))));
    if (dropout) x = dropout(x, 0);
    x = torch::relu(second_norm_(second_(x)));
    if (dropout) x = dropout(x, 1);
    return with_batch(x);
}

torch::Tensor CountDecoderImpl::logits(const torch::Tensor& z, const torch::Tensor& batches) {
    return output_(hidden(z, batches));
}

torch::Tensor CountDecoderImpl::logits_over_dropout(const torch::Tensor& z, const torch::Tensor& batches,
                                                    std::span<const Dropout> draws) {
    std::vector<torch::Tensor> drawn;
    for (const Dropout& draw : draws) drawn.push_back(hidden(z, batches, draw));
    const torch::Tensor of_draws = torch::stack(drawn);  // [draws, cells, hidden + batches]
    return output_(of_draws.mean(0)).addmm_(of_draws.var(0), output_->weight.square().t(), 1, 0.5);
}

torch::Tensor CountDecoderImpl::log_dispersions() const {
    if (!dispersion_.defined()) return {};
    const torch::Tensor of_genes = kDispersionScale * dispersion_.unsqueeze(0);
    if (!dispersion_shift_.defined()) return of_genes;
    return torch::cat({of_genes, of_genes + kDispersionScale * dispersion_shift_.view({-1, options_.genes})});
}

torch::Tensor CountDecoderImpl::dispersion_prior() const {
    if (!dispersion_shift_.defined()) return {};
    return 0.5 * (kDispersionScale * dispersion_shift_).square().sum();
}

std::vector<std::int32_t> CountDecoderImpl::dispersion_rows(std::span<const std::int32_t> labels) const {
    std::vector<std::int32_t> rows(labels.size(), 0);
    if (dispersion_shift_.defined())
        for (std::size_t i = 0; i < labels.size(); ++i) rows[i] = labels[i] + 1;
    return rows;
}

torch::Tensor CountDecoderImpl::dispersion() const {
    const torch::NoGradGuard no_grad;
    const torch::Tensor theta = theta_of(log_dispersions());
    return theta.defined() ? theta.contiguous() : theta;
}

std::vector<float> CountDecoderImpl::dispersions() const {
    const torch::Tensor theta = dispersion();
    if (!theta.defined()) return {};
    const torch::Tensor on_host = theta.cpu().contiguous();
    return {on_host.data_ptr<float>(), on_host.data_ptr<float>() + on_host.numel()};
}

torch::Tensor CountDecoderImpl::negative_log_likelihood(const torch::Tensor& hidden_cells,
                                                        const CellCounts& cells,
                                                        std::span<const std::int32_t> labels,
                                                        std::int64_t chunk) {
    torch::Tensor log_theta;
    if (dispersion_.defined())
        log_theta = labels.empty() ? kDispersionScale * dispersion_.unsqueeze(0) : log_dispersions();
    const auto pass = cells.likelihood_pass({options_.genes, options_.size_factor, theta_of(log_theta)},
                                            dispersion_rows(labels));
    const bool for_networks =
        torch::GradMode::is_enabled() && (hidden_cells.requires_grad() || output_->weight.requires_grad());
    return FusedLikelihood::apply(hidden_cells.to(torch::kFloat32), output_->weight, output_->bias,
                                  log_theta.defined() ? log_theta : torch::zeros({0}, hidden_cells.options()),
                                  *pass, chunk, for_networks);
}

torch::Tensor CountDecoderImpl::sampled_negative_log_likelihood(const torch::Tensor& hidden_cells,
                                                                const CellCounts& cells,
                                                                const GeneSample& sample,
                                                                std::int64_t chunk) {
    torch::Tensor log_theta;
    if (dispersion_.defined()) log_theta = kDispersionScale * dispersion_;
    return sampled_likelihood(hidden_cells.to(torch::kFloat32), output_->weight, output_->bias,
                              log_theta.defined() ? log_theta : torch::zeros({0}, hidden_cells.options()),
                              theta_of(log_theta), cells, sample, options_.size_factor, chunk);
}

CountDecoderImpl::CellScores CountDecoderImpl::score_cells(
    const torch::Tensor& hidden_cells, const std::function<SparseCounts(std::int64_t)>& counts_of,
    const std::function<float(std::int64_t)>& library_of, std::span<const std::int32_t> labels,
    std::int64_t chunk, bool with_rates) {
    const torch::NoGradGuard no_grad;
    const CountLikelihood model{options_.genes, options_.negative_binomial, options_.size_factor,
                                dispersions()};
    const std::vector<std::int32_t> rows = dispersion_rows(labels);
    CellScores scores;
    std::vector<float> scratch(3 * static_cast<std::size_t>(options_.genes));
    for (std::int64_t first = 0; first < hidden_cells.size(0); first += chunk) {
        const std::int64_t count = std::min(chunk, hidden_cells.size(0) - first);
        const torch::Tensor logits = output_(hidden_cells.narrow(0, first, count)).contiguous();
        for (std::int64_t i = 0; i < count; ++i)
            scores.log_likelihood.push_back(static_cast<float>(-cell_likelihood(
                model, counts_of(first + i), library_of(first + i), rows[static_cast<std::size_t>(first + i)],
                logits.data_ptr<float>() + i * options_.genes, scratch.data())));
        if (with_rates)
            scores.rates.insert(scores.rates.end(), logits.data_ptr<float>(),
                                logits.data_ptr<float>() + logits.numel());
    }
    return scores;
}

void CountDecoderImpl::start_at(std::span<const float> profile, std::span<const float> dispersion,
                                const torch::Tensor& batch_shifts) {
    const torch::NoGradGuard no_grad;
    const auto copied = [](std::span<const float> values) {
        return torch::tensor(std::vector<float>(values.begin(), values.end()));
    };
    output_->bias.copy_(torch::log(copied(profile).clamp_min(1e-8)));
    if (options_.batches > 0)
        output_->weight.narrow(1, options_.hidden, options_.batches).copy_(batch_shifts.t());
    if (dispersion_.defined())
        dispersion_.copy_(torch::log(copied(dispersion).clamp(0.05, 150)) / kDispersionScale);
}

}  // namespace lapatlas
