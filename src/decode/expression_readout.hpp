#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>

#include "dist/communicator.hpp"

namespace lapatlas {

/// How counts follow from log-normalised expression y = log(1 + x / s) that a decoder says of a cell, s being
/// the cell's total over prepare.target_sum: they are drawn around
///     rate = s a_g expm1(p(y)),
/// p a softplus, since decoders may say less than 0. The gain a_g makes the rates of the cells it is fitted
/// to add up to their counts: the mean of logarithms lies below the logarithm of the mean.
struct ExpressionReadout {
    torch::Tensor gains;           // [genes] a
    torch::Tensor overdispersion;  // [genes] variance = rate (1 + overdispersion rate); undefined: Poisson
};

/// y [cells, genes] -> a expm1(p(y)), rates of cells with s = 1.
torch::Tensor unit_rates(const ExpressionReadout& readout, const torch::Tensor& y);
/// Their derivatives in y.
torch::Tensor unit_rate_slopes(const ExpressionReadout& readout, const torch::Tensor& y);

/// Counts of some cells, what a decoder says of them, and their s.
struct ReadoutBlock {
    torch::Tensor counts, expression;  // [cells, genes]
    torch::Tensor sizes;               // [cells] s, or totals
};
/// How a cell's rates follow from unit_rates: times its s; or scaled so that they add up to its total, which
/// ReadoutBlock::sizes then is.
enum class ReadoutLaw { kBySize, kByTotal };
/// [cells, genes]
torch::Tensor readout_rates(const ExpressionReadout& readout, const ReadoutBlock& block, ReadoutLaw law);

/// Calls its argument for each block of this rank's cells; the same ones each time.
using ReadoutBlocks = std::function<void(const std::function<void(const ReadoutBlock&)>&)>;
/// Collective. Gains, and by moments (E (x - rate)^2 = rate + phi rate^2) the overdispersion where asked for.
ExpressionReadout fit_readout(const Communicator& comm, std::int64_t genes, const torch::Device& device,
                              const ReadoutBlocks& blocks, bool negative_binomial,
                              ReadoutLaw law = ReadoutLaw::kBySize);

}  // namespace lapatlas
