#include "src/decode/count_decoder.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lapatlas {

namespace {

CountDecoder random_decoder() {
    torch::manual_seed(5);
    CountDecoder decoder(CountDecoderOptions{.latent = 3, .hidden = 64, .genes = 20, .batches = 2});
    const torch::NoGradGuard no_grad;
    decoder->named_parameters()["output.weight"].copy_(0.15 * torch::randn({20, 66}));
    return decoder;
}

std::vector<CountDecoderImpl::Dropout> dropout_draws(std::size_t number, double rate) {
    const auto draw = [rate](const torch::Tensor& x, std::uint32_t) {
        return x * (torch::rand_like(x) > rate) / (1 - rate);
    };
    return {number, draw};
}

}  // namespace

TEST(CountDecoder, LogitsOverDropoutAreThoseOfMeanRates) {
    const torch::NoGradGuard no_grad;
    CountDecoder decoder = random_decoder();
    const torch::Tensor z = torch::randn({6, 3}), batches = torch::tensor({0, 1, 0, 1, 1, 0}, torch::kInt64);
    constexpr int kMany = 20000;
    torch::Tensor mean = torch::zeros({6, 20}, torch::kFloat64);
    for (const CountDecoderImpl::Dropout& draw : dropout_draws(kMany, 0.1))
        mean +=
            torch::exp(
                decoder->hidden(z, batches, draw).matmul(decoder->named_parameters()["output.weight"].t()) +
                decoder->named_parameters()["output.bias"])
                .to(torch::kFloat64);
    const torch::Tensor expected = torch::log(mean / kMany);
    const auto error = [&](const torch::Tensor& logits) {
        return (logits.to(torch::kFloat64) - expected).abs().mean().item<double>();
    };
    const double of_moments = error(decoder->logits_over_dropout(z, batches, dropout_draws(4000, 0.1)));
    EXPECT_LT(of_moments, 0.02);
    EXPECT_LT(of_moments, 0.25 * error(decoder->logits(z, batches))) << "dropout raises the mean of a rate";
}

TEST(CountDecoder, LogitsOverDrawsThatDropNothingAreTheLogits) {
    const torch::NoGradGuard no_grad;
    CountDecoder decoder = random_decoder();
    const torch::Tensor z = torch::randn({4, 3}), batches = torch::zeros({4}, torch::kInt64);
    EXPECT_TRUE(torch::allclose(decoder->logits_over_dropout(z, batches, dropout_draws(3, 0)),
                                decoder->logits(z, batches), 1e-5, 1e-5));
}

}  // namespace lapatlas
