#include "src/autoencode/expression_embedding.hpp"

#include <torch/torch.h>

#include "dist/error.hpp"

namespace lapatlas {

ExpressionEmbedding::ExpressionEmbedding(std::int64_t genes, bool negative_binomial)
    : negative_binomial_(negative_binomial) {
    gains_ = register_buffer("gains", torch::ones({genes}));
    overdispersion_ = register_buffer("overdispersion", torch::ones({genes}));
}

EmbeddingLoss ExpressionEmbedding::loss(const CellsOfStep& /*cells*/) {
    throw InternalError("this embedding has no parameters to train");
}

CountLaw ExpressionEmbedding::law(const torch::Tensor& latents, const torch::Tensor& /*batches*/) {
    // Below this share of a cell's counts a gene is as good as none.
    constexpr double kLowestRate = 1e-12;
    CountLaw law;
    law.logits = torch::log(unit_rates({gains_, {}}, decode(latents)).clamp_min(kLowestRate));
    if (negative_binomial_) law.dispersion = overdispersion_.reciprocal().unsqueeze(0);
    return law;
}

void ExpressionEmbedding::finish(const Communicator& comm, const EncodedBlocks& cells) {
    const torch::NoGradGuard no_grad;
    const auto blocks = [&](const std::function<void(const ReadoutBlock&)>& visit) {
        cells([&](const EncodedBlock& block) { visit({block.counts, decode(block.latents), block.totals}); });
    };
    const ExpressionReadout readout =
        fit_readout(comm, gains_.size(0), gains_.device(), blocks, negative_binomial_, ReadoutLaw::kByTotal);
    gains_.copy_(readout.gains);
    if (negative_binomial_) overdispersion_.copy_(readout.overdispersion);
}

torch::Tensor ExpressionEmbedding::errors(const CellsOfStep& cells) {
    return (decode(encode(cells.x).mean) - cells.x).square().mean(1);
}

}  // namespace lapatlas
