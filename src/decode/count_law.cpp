#include "src/decode/count_law.hpp"

#include <ATen/ATen.h>

namespace lapatlas {

namespace {

/// What a rate of nothing is taken for, so that its logarithm is finite.
constexpr double kLowestRate = 1e-8;

struct CountTerms {
    at::Tensor of_zero;   // log P(0)
    at::Tensor of_count;  // log P(count)
};

CountTerms poisson_terms(const at::Tensor& counts, const at::Tensor& rates) {
    return {-rates, at::xlogy(counts, rates) - rates - at::lgamma(counts + 1)};
}

CountTerms negative_binomial_terms(const at::Tensor& counts, const at::Tensor& rates,
                                   const at::Tensor& theta) {
    const at::Tensor of_zero = -theta * at::log1p(rates / theta);
    return {of_zero, of_zero + at::xlogy(counts, rates / (theta + rates)) + at::lgamma(counts + theta) -
                         at::lgamma(theta) - at::lgamma(counts + 1)};
}

}  // namespace

at::Tensor expected_rates(const CountLaw& law, const at::Tensor& totals) {
    return (at::softmax(law.logits, 1) * totals.unsqueeze(1)).clamp_min(kLowestRate);
}

at::Tensor log_likelihood(const ProteinLaw& law, const at::Tensor& counts) {
    const at::Tensor is_measured = counts.isfinite();
    const CountTerms terms = negative_binomial_terms(at::where(is_measured, counts, 0),
                                                     law.rates.clamp_min(kLowestRate), law.dispersion);
    return (terms.of_count * is_measured).sum(1);
}

at::Tensor log_likelihood(const CountLaw& law, const at::Tensor& counts, const at::Tensor& totals) {
    const at::Tensor rates = expected_rates(law, totals);
    const CountTerms terms = law.dispersion.defined() ? negative_binomial_terms(counts, rates, law.dispersion)
                                                      : poisson_terms(counts, rates);
    if (!law.zero_logits.defined()) return terms.of_count.sum(1);
    // log(pi + (1 - pi) P(0)) and log((1 - pi) P(x)), pi = sigmoid(zero_logits).
    const at::Tensor log_rest = at::log_sigmoid(-law.zero_logits);
    const at::Tensor of_zero =
        at::softplus(terms.of_zero - law.zero_logits) + at::log_sigmoid(law.zero_logits);
    return at::where(counts == 0, of_zero, log_rest + terms.of_count).sum(1);
}

}  // namespace lapatlas
