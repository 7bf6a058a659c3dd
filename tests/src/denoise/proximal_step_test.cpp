#include "src/denoise/proximal_step.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace lapatlas {

namespace {

/// Six genes and one or two components, away from where the softplus bends.
CountObservation observation_of(std::int64_t k, bool negative_binomial) {
    CountObservation observation;
    observation.loadings =
        torch::tensor({{0.5F, -0.4F, 0.3F, 0.2F, -0.1F, 0.6F}, {0.1F, 0.3F, -0.5F, 0.4F, 0.2F, -0.2F}})
            .narrow(0, 0, k)
            .contiguous();
    observation.offsets = torch::tensor({1.5F, 1.0F, 2.0F, 1.2F, 0.8F, 1.7F});
    observation.readout.gains = torch::tensor({1.0F, 1.5F, 0.8F, 1.1F, 2.0F, 0.9F});
    if (negative_binomial)
        observation.readout.overdispersion = torch::tensor({0.1F, 0.5F, 0.01F, 1.0F, 0.2F, 0.3F});
    return observation;
}

ObservedCells cells_of(std::int64_t rows) {
    return {torch::tensor({3.0F, 0.0F, 9.0F, 2.0F, 1.0F, 5.0F}).repeat({rows, 1}), torch::full({rows}, 0.8F)};
}

/// The rate of a gene and what one count says, written down once more, in double.
double log_probability(const CountObservation& observation, std::int64_t gene, double count, double y,
                       double size) {
    const double rate =
        size * observation.readout.gains[gene].item<double>() * std::expm1(std::log1p(std::exp(10 * y)) / 10);
    if (!observation.readout.overdispersion.defined())
        return count * std::log(rate) - rate - std::lgamma(count + 1);
    const double theta = 1 / observation.readout.overdispersion[gene].item<double>();
    return std::lgamma(count + theta) - std::lgamma(theta) - std::lgamma(count + 1) +
           theta * std::log(theta / (theta + rate)) + count * std::log(rate / (theta + rate));
}

double log_probability(const CountObservation& observation, double z) {
    const ObservedCells cells = cells_of(1);
    double sum = 0;
    for (std::int64_t g = 0; g < 6; ++g)
        sum += log_probability(
            observation, g, cells.counts[0][g].item<double>(),
            observation.offsets[g].item<double>() + z * observation.loadings[0][g].item<double>(), 0.8);
    return sum;
}

class CountEvidenceOf : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Likelihoods, CountEvidenceOf, testing::Bool(), [](const auto& of) {
    return std::string(of.param ? "NegativeBinomial" : "Poisson");
});

TEST_P(CountEvidenceOf, DiffersAsTheDistributionsDo) {
    const CountObservation observation = observation_of(1, GetParam());
    const auto ours = [&](double z) {
        return count_log_likelihood(observation, cells_of(1), torch::full({1, 1}, z)).item<double>();
    };
    for (const double z : {-1.5, 0.7, 2.0})
        EXPECT_NEAR(ours(z) - ours(0), log_probability(observation, z) - log_probability(observation, 0),
                    1e-4);
}

TEST_P(CountEvidenceOf, GradientIsAutogradsAndInformationItsExpectedSquare) {
    CountObservation observation = observation_of(2, GetParam());
    const torch::Tensor z = torch::tensor({{0.4F, -0.3F}}).requires_grad_();
    const torch::Tensor of_z =
        torch::autograd::grad({count_log_likelihood(observation, cells_of(1), z).sum()}, {z})[0];
    const CountEvidence evidence = count_evidence(observation, cells_of(1), z.detach());
    EXPECT_TRUE(torch::allclose(evidence.gradient, of_z, 1e-4, 1e-4)) << evidence.gradient << of_z;

    // Counts drawn at z: their gradients' second moments are the information.
    torch::manual_seed(3);
    constexpr std::int64_t kDraws = 60'000;
    const torch::Tensor y = torch::addmm(observation.offsets, z.detach(), observation.loadings);
    torch::Tensor rate = 0.8 * observation.readout.gains * torch::expm1(at::softplus(y, 10));
    rate = rate.repeat({kDraws, 1});
    if (GetParam()) {
        const torch::Tensor theta =
            observation.readout.overdispersion.reciprocal().expand_as(rate).contiguous();
        rate = rate / theta * at::_standard_gamma(theta);
    }
    const ObservedCells drawn{torch::poisson(rate), torch::full({kDraws}, 0.8F)};
    const torch::Tensor gradients =
        count_evidence(observation, drawn, z.detach().repeat({kDraws, 1})).gradient;
    const torch::Tensor moments = torch::mm(gradients.t(), gradients) / kDraws;
    EXPECT_TRUE(torch::allclose(moments, evidence.information[0], 0.05, 0.05))
        << moments << evidence.information[0];
}

/// The stationary distribution against quadrature of p(x | z) N(z; u, rho^2).
TEST_P(CountEvidenceOf, StepLeavesItsDistributionAsItIs) {
    const auto backend = make_cpu_backend(Communicator::self());
    const CountObservation observation = observation_of(1, GetParam());
    constexpr std::int64_t kRows = 20'000;
    std::vector<std::int64_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    const double rho = 1.5, state = -2;
    double mass = 0, mean = 0, square = 0;
    for (double z = -8; z < 8; z += 0.01) {
        const double density =
            std::exp(log_probability(observation, z) - (z - state) * (z - state) / (2 * rho * rho));
        mass += density;
        mean += density * z;
        square += density * z * z;
    }
    mean /= mass;
    const double deviation = std::sqrt(square / mass - mean * mean);
    Acceptance acceptance;
    const LikelihoodStep step = proximal_likelihood(backend, observation, cells_of(kRows), acceptance);
    torch::Tensor z;
    for (std::uint32_t i = 0; i < 8; ++i)
        z = step(torch::full({kRows, 1}, static_cast<float>(state)), rho, {5, i, backend->tensor(ids)});
    EXPECT_NEAR(z.mean().item<double>(), mean, 0.02 * deviation);
    EXPECT_NEAR(z.std().item<double>(), deviation, 0.02 * deviation);
    EXPECT_EQ(acceptance.proposed, 7 * kRows);
    EXPECT_GT(acceptance.taken / acceptance.proposed, 0.8);
}

}  // namespace

}  // namespace lapatlas
