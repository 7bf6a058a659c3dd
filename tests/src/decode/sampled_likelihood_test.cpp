#include "src/decode/sampled_likelihood.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "dist/error.hpp"
#include "src/decode/count_decoder.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 9, kGenes = 60, kWidth = 5;

/// Expression over three orders of magnitude, as genes have it.
std::vector<float> profile() {
    std::vector<float> means;
    for (std::int64_t g = 0; g < kGenes; ++g)
        means.push_back(std::exp(-0.12f * static_cast<float>((g * 37) % kGenes)));
    return means;
}

struct Example {
    torch::Tensor hidden, weight, bias, log_dispersion;
    std::shared_ptr<const CellCounts> cells;
    CountMatrix counts;
    std::vector<float> library;

    std::vector<torch::Tensor> leaves() const { return {hidden, weight, bias, log_dispersion}; }
};

Example example(bool negative_binomial) {
    torch::manual_seed(3);
    Example made;
    made.hidden = torch::randn({kCells, kWidth}).set_requires_grad(true);
    made.weight = (0.3 * torch::randn({kGenes, kWidth})).set_requires_grad(true);
    made.bias = torch::log(torch::tensor(profile())).set_requires_grad(true);
    made.log_dispersion =
        (negative_binomial ? 0.5 * torch::randn({kGenes}) + 1 : torch::zeros({0})).set_requires_grad(true);
    made.counts.num_genes = kGenes;
    for (std::int32_t cell = 0; cell < kCells; ++cell) {
        // A cell without counts too.
        for (std::int32_t gene = 0; gene < kGenes && cell != 4; ++gene)
            if ((gene * 7 + cell * 5) % 11 < 3) {
                made.counts.gene_indices.push_back(gene);
                made.counts.values.push_back(static_cast<float>(1 + (gene + cell) % 4));
            }
        made.counts.row_offsets.push_back(static_cast<std::int64_t>(made.counts.values.size()));
        made.library.push_back(20.0f + static_cast<float>(cell));
    }
    made.cells = make_host_cell_counts(made.counts, made.library);
    return made;
}

torch::Tensor theta(const Example& e) {
    return e.log_dispersion.numel() == 0 ? torch::Tensor() : e.log_dispersion.detach().exp();
}

/// The stated sum in LibTorch's own operations, in float64, weights [cells, genes] of each dense term.
torch::Tensor by_definition(const Example& e, const torch::Tensor& weights, bool size_factor) {
    const torch::Tensor logits = (torch::mm(e.hidden, e.weight.t()) + e.bias).to(torch::kFloat64);
    torch::Tensor x = torch::zeros({kCells, kGenes}, torch::kFloat64);
    for (std::int64_t c = 0; c < kCells; ++c) {
        const SparseCounts cell = row_of(e.counts, c);
        for (std::int64_t i = 0; i < cell.size; ++i)
            x[c][cell.genes[i]] = static_cast<double>(cell.values[i]);
    }
    const torch::Tensor library = torch::tensor(e.library, torch::kFloat64).unsqueeze(1);
    const torch::Tensor rates = logits.exp();
    const torch::Tensor mean = size_factor ? library * rates / (weights * rates).sum(1, true) : rates;
    if (e.log_dispersion.numel() == 0) return (weights * mean - x * mean.log() + torch::lgamma(x + 1)).sum();
    const torch::Tensor t = e.log_dispersion.to(torch::kFloat64).exp();
    const torch::Tensor dense = t * torch::log1p(mean / t);
    const torch::Tensor sparse =
        x * torch::log1p(t / mean) - torch::lgamma(t + x) + torch::lgamma(t) + torch::lgamma(x + 1);
    return (weights * dense + sparse).sum();
}

/// 1 for genes with counts in the cell, the sample's weight for its others, else 0.
torch::Tensor dense_weights(const Example& e, const GeneSample& sample) {
    torch::Tensor weights = torch::zeros({kCells, kGenes}, torch::kFloat64);
    for (std::size_t i = 0; i < sample.genes.size(); ++i)
        weights.select(1, sample.genes[i]).fill_(static_cast<double>(sample.weights[i]));
    for (std::int64_t c = 0; c < kCells; ++c) {
        const SparseCounts cell = row_of(e.counts, c);
        for (std::int64_t i = 0; i < cell.size; ++i) weights[c][cell.genes[i]] = 1.0;
    }
    return weights;
}

torch::Tensor sampled(const Example& e, const GeneSample& sample, bool size_factor, std::int64_t chunk = 4) {
    return sampled_likelihood(e.hidden, e.weight, e.bias, e.log_dispersion, theta(e), *e.cells, sample,
                              size_factor, chunk);
}

std::vector<torch::Tensor> gradients(const Example& e, const torch::Tensor& loss) {
    return torch::autograd::grad({loss}, e.leaves(), {}, false, false, true);
}

}  // namespace

TEST(GeneSampler, DrawsEachGeneAsOftenAsItsWeightSays) {
    const GeneSampler sampler(profile(), 20);
    constexpr int kDraws = 4000;
    std::vector<double> times(kGenes, 0), weight(kGenes, 0);
    for (int draw = 0; draw < kDraws; ++draw) {
        const GeneSample sample = sampler.draw(1, static_cast<std::uint32_t>(draw));
        EXPECT_TRUE(sample.genes.size() >= 19 && sample.genes.size() <= 21) << sample.genes.size();
        EXPECT_TRUE(std::is_sorted(sample.genes.begin(), sample.genes.end()));
        for (std::size_t i = 0; i < sample.genes.size(); ++i) {
            times[static_cast<std::size_t>(sample.genes[i])] += 1.0 / kDraws;
            weight[static_cast<std::size_t>(sample.genes[i])] = static_cast<double>(sample.weights[i]);
        }
    }
    for (std::size_t g = 0; g < kGenes; ++g) {
        ASSERT_GT(times[g], 0) << g;
        EXPECT_NEAR(times[g] * weight[g], 1, 4 * std::sqrt(weight[g] / kDraws)) << g;
    }
    EXPECT_EQ(weight[0], 1) << "the most expressed is always there";
    EXPECT_EQ(sampler.draw(1, 7).genes, sampler.draw(1, 7).genes);
    EXPECT_NE(sampler.draw(1, 7).genes, sampler.draw(2, 7).genes);
}

TEST(GeneSampler, OfAllGenesIsAllGenes) {
    for (const std::int64_t size : {kGenes, kGenes + 5}) {
        const GeneSample sample = GeneSampler(profile(), size).draw(1, 0);
        EXPECT_EQ(sample.genes.size(), static_cast<std::size_t>(kGenes));
        for (const float weight : sample.weights) EXPECT_EQ(weight, 1);
    }
}

TEST(SampledLikelihood, IsTheWeightedSumAndHasItsGradients) {
    for (const bool negative_binomial : {false, true})
        for (const bool size_factor : {false, true})
            for (const std::int64_t size : {std::int64_t{12}, kGenes}) {
                const Example e = example(negative_binomial);
                const GeneSample sample = GeneSampler(profile(), size).draw(5, 2);
                const torch::Tensor expected = by_definition(e, dense_weights(e, sample), size_factor);
                const torch::Tensor loss = sampled(e, sample, size_factor);
                EXPECT_NEAR(loss.item<double>(), expected.item<double>(),
                            2e-4 * std::abs(expected.item<double>()));
                const auto wanted = gradients(e, expected), made = gradients(e, loss);
                for (std::size_t i = 0; i < made.size(); ++i) {
                    if (!wanted[i].defined() || wanted[i].numel() == 0) continue;
                    EXPECT_TRUE(torch::allclose(made[i], wanted[i].to(torch::kFloat32), 2e-3, 2e-3))
                        << negative_binomial << size_factor << size << " leaf " << i << "\n"
                        << (made[i] - wanted[i]).abs().max();
                }
                EXPECT_NEAR(sampled(e, sample, size_factor, 100).item<double>(), loss.item<double>(), 1e-3)
                    << "chunks are not seen";
            }
}

/// With absolute rates the mean over samples is the whole, and so are the gradients'; with size factors it is
/// below by no more than half the variance of the softmax's sum.
TEST(SampledLikelihood, IsRightOnAverage) {
    for (const bool size_factor : {false, true}) {
        const Example e = example(true);
        const torch::Tensor all =
            by_definition(e, torch::ones({kCells, kGenes}, torch::kFloat64), size_factor);
        const auto wanted = gradients(e, all);
        const GeneSampler sampler(profile(), 25);
        constexpr int kDraws = 3000;
        double sum = 0, squares = 0;
        torch::Tensor of_weight = torch::zeros_like(e.weight);
        for (int draw = 0; draw < kDraws; ++draw) {
            const torch::Tensor loss =
                sampled(e, sampler.draw(9, static_cast<std::uint32_t>(draw)), size_factor);
            sum += loss.item<double>();
            squares += loss.item<double>() * loss.item<double>();
            of_weight += gradients(e, loss)[1] / kDraws;
        }
        const double mean = sum / kDraws, deviation = std::sqrt(squares / kDraws - mean * mean);
        EXPECT_GT(deviation, 0.05);
        const double whole = all.item<double>();
        if (size_factor) {
            EXPECT_NEAR(mean, whole, 0.01 * whole);
        } else {
            EXPECT_NEAR(mean, whole, 4 * deviation / std::sqrt(kDraws) + 1e-4 * whole);
            EXPECT_LT((of_weight - wanted[1]).norm().item<double>(), 0.05 * wanted[1].norm().item<double>());
        }
    }
}

TEST(SampledLikelihood, DecoderUsesItsOwnLayer) {
    torch::manual_seed(1);
    CountDecoder decoder(CountDecoderOptions{.latent = 3, .hidden = 8, .genes = kGenes});
    const Example e = example(true);
    const torch::Tensor hidden = torch::randn({kCells, 8});
    const GeneSample all = GeneSampler(profile(), kGenes).draw(0, 0);
    EXPECT_NEAR(decoder->sampled_negative_log_likelihood(hidden, *e.cells, all, 5).item<double>(),
                decoder->negative_log_likelihood(hidden, *e.cells, {}, 5).item<double>(), 0.05);
}

}  // namespace lapatlas
