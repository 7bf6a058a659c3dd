#include "src/autoencode/tag_decoder.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/embed/parameter_init.hpp"

namespace lapatlas {

TEST(TagDecoder, AssignmentsAreStudentsT) {
    // Distances 1 and 2 of the first latent, 0 and sqrt(5) of the second.
    const torch::Tensor z = torch::tensor({{0.0, 0.0}, {1.0, 0.0}}),
                        centres = torch::tensor({{1.0, 0.0}, {0.0, 2.0}});
    const torch::Tensor q = soft_assignments(z, centres);
    EXPECT_NEAR(q[0][0].item<double>(), (1.0 / 2) / (1.0 / 2 + 1.0 / 5), 1e-6);
    EXPECT_NEAR(q[1][0].item<double>(), 1 / (1 + 1.0 / 6), 1e-6);
    EXPECT_TRUE(torch::allclose(q.sum(1), torch::ones({2})));
}

TEST(TagDecoder, TargetsAreSharperAndWeighSmallClustersUp) {
    const torch::Tensor q = torch::tensor({{0.8, 0.2}, {0.5, 0.5}});
    const torch::Tensor p = sharpened(q, torch::tensor({1.3, 0.7}));
    const double of_first = 0.64 / 1.3, of_second = 0.04 / 0.7;
    EXPECT_NEAR(p[0][0].item<double>(), of_first / (of_first + of_second), 1e-6);
    EXPECT_LT(p[1][0].item<double>(), 0.5);
    EXPECT_FALSE(p.requires_grad());
}

TEST(TagDecoder, TheGraphIsToldByInnerProducts) {
    const torch::Tensor z = torch::tensor({{2.0, 0.0}, {1.0, 0.0}}),
                        joined = torch::tensor({{0.0, 1.0}, {1.0, 0.0}});
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const double expected =
        std::pow(sigmoid(4), 2) + std::pow(sigmoid(1), 2) + 2 * std::pow(1 - sigmoid(2), 2);
    EXPECT_NEAR(adjacency_error(z, joined).item<double>(), expected, 1e-5);
}

TEST(TagDecoder, LawHasAnExcessOfZerosWhereItIsAskedFor) {
    TagDecoder inflated(TagDecoderOptions{.genes = 7, .latent = 2, .widths = {4, 6}}),
        plain(TagDecoderOptions{.genes = 7, .latent = 2, .widths = {4, 6}, .zero_inflated = false});
    initialise_parameters(*inflated, 1, 0);
    const torch::Tensor z = torch::ones({3, 2});
    EXPECT_EQ(inflated->law(z, {}).zero_logits.sizes(), (std::vector<std::int64_t>{3, 7}));
    EXPECT_FALSE(plain->law(z, {}).zero_logits.defined());
    EXPECT_EQ(inflated->law(z, {}).dispersion.sizes(), (std::vector<std::int64_t>{1, 7}));
}

}  // namespace lapatlas
