#include "src/decode/expression_readout.hpp"

#include <ATen/ops/softplus.h>
#include <torch/torch.h>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

/// How sharply the softplus bends at 0, in units of log(1 + x).
constexpr double kBend = 10;
/// Highest y: exp(15) counts of one gene are beyond any cell, and beyond them float32 runs out.
constexpr double kHighest = 15;

torch::Tensor sum_over_all(const Communicator& comm, std::int64_t genes, const ReadoutBlocks& blocks,
                           const std::function<torch::Tensor(const ReadoutBlock&)>& of_block) {
    torch::Tensor sums = torch::zeros({2, genes}, torch::kFloat64);
    blocks([&](const ReadoutBlock& block) { sums += of_block(block).to(torch::kCPU, torch::kFloat64); });
    all_reduce_sum(comm, std::span<double>(sums.data_ptr<double>(), static_cast<std::size_t>(sums.numel())));
    return sums;
}

}  // namespace

torch::Tensor unit_rates(const ExpressionReadout& readout, const torch::Tensor& y) {
    return readout.gains * torch::expm1(at::softplus(y.clamp_max(kHighest), kBend));
}

torch::Tensor unit_rate_slopes(const ExpressionReadout& readout, const torch::Tensor& y) {
    const torch::Tensor held = y.clamp_max(kHighest);
    return readout.gains * torch::exp(at::softplus(held, kBend)) * torch::sigmoid(held * kBend);
}

torch::Tensor readout_rates(const ExpressionReadout& readout, const ReadoutBlock& block, ReadoutLaw law) {
    const torch::Tensor units = unit_rates(readout, block.expression), sizes = block.sizes.unsqueeze(1);
    return law == ReadoutLaw::kBySize ? sizes * units : sizes * units / units.sum(1, true).clamp_min(1e-30);
}

ExpressionReadout fit_readout(const Communicator& comm, std::int64_t genes, const torch::Device& device,
                              const ReadoutBlocks& blocks, bool negative_binomial, ReadoutLaw law) {
    // Where cells are scaled, a gain changes the rates of all genes: a few rounds settle them.
    const int rounds = law == ReadoutLaw::kBySize ? 1 : 5;
    const torch::NoGradGuard no_grad;
    ExpressionReadout readout;
    readout.gains = torch::ones({genes}, torch::TensorOptions(device));
    for (int round = 0; round < rounds; ++round) {
        const torch::Tensor totals = sum_over_all(comm, genes, blocks, [&](const ReadoutBlock& block) {
            return torch::stack({block.counts.sum(0), readout_rates(readout, block, law).sum(0)});
        });
        const torch::Tensor change = (totals[0] / totals[1].clamp_min(1e-30)).clamp(1e-6, 1e6);
        readout.gains = (readout.gains * change.to(device, torch::kFloat32)).clamp(1e-9, 1e9);
    }
    if (!negative_binomial) return readout;
    const torch::Tensor moments = sum_over_all(comm, genes, blocks, [&](const ReadoutBlock& block) {
        const torch::Tensor rate = readout_rates(readout, block, law);
        return torch::stack({((block.counts - rate).square() - rate).sum(0), rate.square().sum(0)});
    });
    readout.overdispersion =
        (moments[0] / moments[1].clamp_min(1e-30)).clamp(1e-4, 1e4).to(device, torch::kFloat32);
    return readout;
}

}  // namespace lapatlas
