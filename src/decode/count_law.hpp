#pragma once

#include <ATen/core/Tensor.h>

namespace lapatlas {

/// How the counts of some cells are distributed: around the rates m = n softmax(logits) of a cell with n
/// counts (or m = exp(logits), of a decoder with absolute rates), with variance m + m^2 / theta; and beyond
/// that a count is 0 with the probability sigmoid(zero_logits).
struct CountLaw {
    at::Tensor logits;      // [cells, genes] float32
    at::Tensor dispersion;  // theta > 0, [1, genes] for all cells or a row for each label; undefined: Poisson
    at::Tensor zero_logits;  // [cells, genes]; undefined: no such zeros
};

/// How antibody counts of some cells are distributed: around the rates m with variance m + m^2 / theta.
struct ProteinLaw {
    at::Tensor rates;       // [cells, proteins]
    at::Tensor dispersion;  // theta > 0, [1, proteins]
};

/// n softmax(logits), [cells, genes], for cells with `totals` [cells] counts.
at::Tensor expected_rates(const CountLaw& law, const at::Tensor& totals);

/// [cells] log-likelihood in nats, summed over genes, of `counts` [cells, genes] of cells with `totals`
/// [cells] counts: Poisson, negative binomial, or either with an excess of zeros (Lopez et al. 2018, "ZINB").
/// The dispersion has one row. Differentiable.
at::Tensor log_likelihood(const CountLaw& law, const at::Tensor& counts, const at::Tensor& totals);
/// The same of antibody counts [cells, proteins], summed over those that were measured (not NaN).
at::Tensor log_likelihood(const ProteinLaw& law, const at::Tensor& counts);

}  // namespace lapatlas
