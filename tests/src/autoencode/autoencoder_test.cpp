#include "src/autoencode/autoencoder.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "dist/collectives.hpp"
#include "src/autoencode/linear_embedding.hpp"
#include "src/embed/parameter_init.hpp"
#include "tests/support/placed_normals.hpp"

namespace lapatlas {

namespace {

using testing_support::placed_normals;

constexpr std::int64_t kCells = 8, kGenes = 5;

Autoencoder small(bool unit_length) {
    Autoencoder model(AutoencoderOptions{
        .genes = kGenes, .width = 6, .layers = 2, .latent = 3, .unit_length = unit_length});
    initialise_parameters(*model, 4, 0);
    return model;
}

CellsOfStep share_of(const Communicator& comm) {
    CellsOfStep cells;
    cells.x = placed_normals(kCells, kGenes, 1)
                  .abs()
                  .index_select(0, torch::arange(comm.rank(), kCells, comm.size()));
    cells.cells_of_all_ranks = kCells;
    cells.sum = sum_over_ranks(comm);
    return cells;
}

/// The encoder or decoder of a model as LibTorch's own layers.
torch::nn::Sequential reference(const torch::OrderedDict<std::string, torch::Tensor>& weights,
                                const std::string& part, std::int64_t in, std::int64_t out) {
    torch::nn::Sequential stack;
    const torch::NoGradGuard no_grad;
    for (int i = 0; i < 2; ++i) {
        torch::nn::Linear linear(torch::nn::LinearOptions(i == 0 ? in : 6, 6).bias(false));
        linear->weight.copy_(weights[part + ".linears." + std::to_string(i) + ".weight"]);
        stack->push_back(linear);
        stack->push_back(torch::nn::BatchNorm1d(6));
        stack->push_back(torch::nn::PReLU());
    }
    torch::nn::Linear last(6, out);
    last->weight.copy_(weights[part + ".last.weight"]);
    last->bias.copy_(weights[part + ".last.bias"]);
    stack->push_back(last);
    return stack;
}

}  // namespace

TEST(Autoencoder, LossAndGradientsAreThoseOfLibTorchsLayersOnAllCells) {
    const Communicator comm = Communicator::world();
    Autoencoder model = small(true);
    const auto weights = model->named_parameters();
    torch::nn::Sequential encoder = reference(weights, "encoder", kGenes, 3),
                          decoder = reference(weights, "decoder", 3, kGenes);
    const torch::Tensor all = placed_normals(kCells, kGenes, 1).abs();
    const torch::Tensor z = encoder->forward(all);
    const torch::Tensor expected = torch::mse_loss(decoder->forward(z / z.norm(2, 1, true)), all);
    expected.backward();

    const EmbeddingLoss part = model->loss(share_of(comm));
    EXPECT_NEAR(all_reduce_sum(comm, part.loss.item<double>()), expected.item<double>(), 1e-6);
    part.loss.backward();
    const auto summed = [&](const std::string& name) {
        torch::Tensor gradient = weights[name].grad().to(torch::kFloat64).contiguous();
        sum_over_ranks(comm)(gradient);
        return gradient.to(torch::kFloat32);
    };
    EXPECT_TRUE(torch::allclose(summed("encoder.linears.0.weight"),
                                encoder[0]->as<torch::nn::Linear>()->weight.grad(), 1e-3, 1e-6));
    EXPECT_TRUE(torch::allclose(summed("decoder.slope_1"), decoder[5]->as<torch::nn::PReLU>()->weight.grad(),
                                1e-3, 1e-6));
}

TEST(Autoencoder, UnitLatentsHaveLengthOne) {
    const CellsOfStep cells = share_of(Communicator::self());
    const torch::Tensor z = small(true)->encode(cells.x).mean;
    EXPECT_TRUE(torch::allclose(z.norm(2, 1), torch::ones({kCells})));
    EXPECT_FALSE(torch::allclose(small(false)->encode(cells.x).mean.norm(2, 1), torch::ones({kCells}), 0.01));
}

TEST(ExpressionEmbedding, ReadoutMakesRatesAddUpToCounts) {
    // Genes as they are, of cells with 4 and 12 counts; the last gene is never seen.
    const Communicator comm = Communicator::world();
    GeneEmbedding model(3, true);
    const torch::Tensor counts = torch::tensor({{4.0F, 0.0F, 0.0F}, {3.0F, 9.0F, 0.0F}});
    const torch::Tensor sizes = torch::tensor({1.0F, 3.0F});
    const torch::Tensor x = torch::log1p(counts / sizes.unsqueeze(1));
    model->finish(comm, [&](const auto& visit) {
        if (comm.is_root()) visit({counts, x, 4 * sizes});
    });
    const CountLaw law = model->law(x, {});
    const torch::Tensor rates = expected_rates(law, 4 * sizes);
    EXPECT_TRUE(torch::allclose(rates.sum(1), 4 * sizes));
    EXPECT_TRUE(torch::allclose(rates.sum(0).narrow(0, 0, 2), counts.sum(0).narrow(0, 0, 2), 1e-3));
    EXPECT_EQ(law.dispersion.sizes(), (std::vector<std::int64_t>{1, 3}));
    EXPECT_FALSE(GeneEmbedding(3, false)->law(x, {}).dispersion.defined());
}

TEST(LinearEmbedding, GoesThereAndBackInItsSubspace) {
    LinearEmbedding model(3, 2, true);
    const torch::Tensor loadings = torch::tensor({{1.0F, 0.0F}, {0.0F, 0.6F}, {0.0F, 0.8F}});
    model->set(torch::tensor({1.0F, 2.0F, 3.0F}), loadings);
    const torch::Tensor x = torch::tensor({{3.0F, 2.6F, 3.8F}});
    const torch::Tensor z = model->encode(x).mean;
    EXPECT_TRUE(torch::allclose(z, torch::tensor({{2.0F, 1.0F}})));
    EXPECT_TRUE(torch::allclose(model->decode(z), x));
}

}  // namespace lapatlas
