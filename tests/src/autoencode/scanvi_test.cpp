#include "src/autoencode/scanvi.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <vector>

#include "dist/collectives.hpp"
#include "src/embed/parameter_init.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 6, kGenes = 7, kLabels = 3, kBatches = 2, kWidth = 5, kLatent = 4;

/// As in scvi_terms.py.
torch::Tensor waves(at::IntArrayRef shape, double tag, double scale = 0.3) {
    const torch::Tensor flat = torch::arange(c10::multiply_integers(shape), torch::kFloat64);
    return (scale * torch::sin(1.3 * flat + tag)).reshape(shape);
}

Scanvi waving_model() {
    Scanvi model(ScanviOptions{
        .genes = kGenes, .labels = kLabels, .batches = kBatches, .width = kWidth, .latent = kLatent});
    model->to(torch::kFloat64);
    const std::vector<std::string> names{"encoder.layers.linears.0.weight",
                                         "encoder.mean.weight",
                                         "encoder.mean.bias",
                                         "encoder.log_variance.weight",
                                         "encoder.log_variance.bias",
                                         "decoder.linears.0.weight",
                                         "share.weight",
                                         "share.bias",
                                         "zeros.weight",
                                         "zeros.bias",
                                         "encoder_2.layers.linears.0.weight",
                                         "encoder_2.mean.weight",
                                         "encoder_2.mean.bias",
                                         "encoder_2.log_variance.weight",
                                         "encoder_2.log_variance.bias",
                                         "decoder_2.layers.linears.0.weight",
                                         "decoder_2.mean.weight",
                                         "decoder_2.mean.bias",
                                         "decoder_2.log_variance.weight",
                                         "decoder_2.log_variance.bias",
                                         "classifier.linears.0.weight",
                                         "labels.weight",
                                         "labels.bias",
                                         "log_theta"};
    const torch::NoGradGuard no_grad;
    auto parameters = model->named_parameters();
    for (std::size_t i = 0; i < names.size(); ++i) {
        torch::Tensor& parameter = parameters[names[i]];
        parameter.copy_(waves(parameter.sizes(), static_cast<double>(i + 1)));
    }
    return model;
}

/// Cells of scvi_terms.py that this rank has: every R-th.
struct Share {
    CellsOfStep cells;
    torch::Tensor rows, noise_1, noise_2;
};

Share share_of(const Communicator& comm) {
    Share share;
    share.rows = torch::arange(comm.rank(), kCells, comm.size());
    const torch::Tensor flat = torch::arange(kCells * kGenes, torch::kFloat64);
    const torch::Tensor counts = torch::floor(3 + 3 * torch::sin(1.7 * flat)).reshape({kCells, kGenes});
    CellsOfStep& cells = share.cells;
    cells.x = counts.index_select(0, share.rows);
    cells.totals = cells.x.sum(1);
    cells.labels = share.rows % kLabels;
    cells.batches = share.rows % kBatches;
    cells.cells_of_all_ranks = cells.labelled_of_all_ranks = kCells;
    cells.kl_weight = 0.25;
    cells.classification_weight = 50;
    cells.sum = sum_over_ranks(comm);
    share.noise_1 = waves({kCells, kLatent}, 50, 1).index_select(0, share.rows);
    share.noise_2 =
        waves({kLabels, kCells, kLatent}, 51, 1).index_select(1, share.rows).reshape({-1, kLatent});
    return share;
}

torch::Tensor figures(const std::vector<double>& of_all, const Share& share) {
    return torch::tensor(of_all, torch::kFloat64).index_select(0, share.rows);
}

}  // namespace

// The figures are scvi-tools 1.4.2's (scvi_terms.py), on the same weights, counts and draws.
TEST(Scanvi, TermsAreThoseOfScviTools) {
    const Communicator comm = Communicator::world();
    const Share share = share_of(comm);
    Scanvi model = waving_model();
    const ScanviImpl::Terms terms = model->terms(share.cells, share.noise_1, share.noise_2);
    const torch::Tensor first =
        figures({17.490348, 19.067313, 18.411683, 17.823044, 17.846051, 16.443177}, share);
    EXPECT_TRUE(torch::allclose(terms.reconstruction + terms.latent, first, 0, 2e-6));
    const torch::Tensor kl = figures({0.190657, 0.146786, 0.159778, 0.161895, 0.261801, 0.280785}, share);
    EXPECT_TRUE(torch::allclose(terms.kl, kl, 0, 2e-6));
    const double cross_entropy = all_reduce_sum(comm, terms.cross_entropy.sum().item<double>()) / kCells;
    EXPECT_NEAR(cross_entropy, 1.152215, 2e-6);
}

TEST(Scanvi, TheLossWeighsItsTermsAndAsksForItsDraws) {
    const Communicator comm = Communicator::world();
    Share share = share_of(comm);
    // What is drawn for a cell: z1, then z2 under label after label.
    share.cells.draws.normals = [&](std::int64_t width) {
        EXPECT_EQ(width, kLatent * (1 + kLabels));
        const std::int64_t n = share.rows.size(0);
        return torch::cat(
            {share.noise_1,
             share.noise_2.reshape({kLabels, n, kLatent}).transpose(0, 1).reshape({n, kLabels * kLatent})},
            1);
    };
    Scanvi model = waving_model();
    const EmbeddingLoss part = model->loss(share.cells);
    EXPECT_NEAR(all_reduce_sum(comm, part.loss.item<double>()), 75.507762, 5e-6);
    part.loss.backward();
    for (const auto& parameter : model->named_parameters())
        EXPECT_TRUE(parameter.value().grad().defined()) << parameter.key();
}

TEST(Scanvi, UnlabelledCellsHaveNoPartInTheCrossEntropy) {
    const Communicator comm = Communicator::world();
    Share share = share_of(comm);
    share.cells.labels = torch::where(share.rows < 2, share.cells.labels, -1);
    Scanvi model = waving_model();
    const ScanviImpl::Terms terms = model->terms(share.cells, share.noise_1, share.noise_2);
    EXPECT_TRUE(torch::equal(terms.cross_entropy > 0, share.rows < 2));
}

TEST(Scanvi, OutsideOfTrainingACellDoesNotSeeOthers) {
    const Share share = share_of(Communicator::self());
    Scanvi model = waving_model();
    model->terms(share.cells, share.noise_1, share.noise_2);  // moves the running figures
    const Posterior all = model->encode(share.cells.x), one = model->encode(share.cells.x.narrow(0, 2, 1));
    EXPECT_TRUE(torch::allclose(all.mean.narrow(0, 2, 1), one.mean));
    EXPECT_TRUE(torch::allclose(all.log_variance.narrow(0, 2, 1), one.log_variance));
    const CountLaw law = model->law(all.mean, share.cells.batches);
    EXPECT_EQ(law.logits.sizes(), share.cells.x.sizes());
    EXPECT_EQ(law.dispersion.sizes(), (std::vector<std::int64_t>{1, kGenes}));
    // The batch is told to the decoder alone.
    EXPECT_FALSE(torch::allclose(law.logits, model->law(all.mean, 1 - share.cells.batches).logits));
    EXPECT_TRUE(
        torch::allclose(model->errors(share.cells), -log_likelihood(law, share.cells.x, share.cells.totals)));
}

TEST(Scanvi, DropoutKeepsTheSameUnitsOfACellUnderEveryLabel) {
    StepDraws draws;
    draws.dropout = [](const torch::Tensor& x, std::uint32_t layer) {
        EXPECT_EQ(layer, 0U);
        return x * torch::tensor({{0.0F, 2.0F}, {2.0F, 0.0F}});
    };
    LayerDropout dropout(draws, 2);
    const torch::Tensor dropped = dropout(torch::ones({4, 2}));
    EXPECT_TRUE(
        torch::equal(dropped, torch::tensor({{0.0F, 2.0F}, {2.0F, 0.0F}, {0.0F, 2.0F}, {2.0F, 0.0F}})));
}

}  // namespace lapatlas
