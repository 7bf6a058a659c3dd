// Embeddings other than LapDDPM's, trained and used on R ranks as on one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dist/collectives.hpp"
#include "dist/hdf5_file.hpp"
#include "src/generate/generate.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/encode.hpp"
#include "src/train/trainer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

using testing_support::TemporaryFolder;

class Embedding : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        SimulateOptions simulate;
        simulate.cells = 420;
        simulate.genes = 160;
        simulate.types = 4;
        simulate.label_missing_fraction = 0.1;
        if (GetParam() == "joint") {
            simulate.proteins = 6;
            simulate.protein_missing_fraction = 0.2;
            config.input.protein_key = "protein_expression";
        }
        simulate_atlas(comm, simulate, 3, folder / "input.h5ad", log);
        config.input.path = (folder / "input.h5ad").string();
        config.input.label_key = "cell_type";
        config.prepare.keep_variable_genes = 90;
        config.prepare.pca_components = 10;
        config.prepare.encodings = 3;
        config.prepare.clusters = 12;
        config.model.embedding = GetParam();
        config.model.embedding_width = 20;
        config.model.latent = 6;
        const bool inflated = GetParam() == "scanvi" || GetParam() == "sctag";
        config.model.likelihood = inflated ? "zinb" : "negative_binomial";
        config.model.score_width = 32;
        config.model.score_blocks = 2;
        config.model.score_network = "residual_mlp";
        config.train.embedding_epochs = 12;
        config.train.embedding_batch = 50;
        config.train.loss_cells = 60;
        config.train.active_clusters = 4;
        config.train.batch = "cluster";
        config.train.target_epochs = 4;
        config.train.kl_warmup_epochs = 8;
        config.train.score_steps = 20;
        config.train.score_batch = 64;
        config.generate.cells = 600;
        config.generate.steps = 5;
        config.runtime.seed = 7;
        config = prepare(*make_cpu_backend(comm), config, folder / "prepared.h5", {}, log);
    }

    bool is_trained() const { return GetParam() != "pca" && GetParam() != "hvg"; }

    Communicator comm = Communicator::world();
    TemporaryFolder folder{comm};
    Config config;
    Log log = Log::silent();
};

std::string embedding_name(const testing::TestParamInfo<std::string>& info_of) { return info_of.param; }

}  // namespace

TEST_P(Embedding, StepsAreTheSameOnAnyRanksAndLower) {
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    EXPECT_EQ(together.data().counts.num_genes(), 90);
    ASSERT_EQ(together.joint_steps(), is_trained() ? 12 * together.steps_an_epoch() : 0);
    double first = 0, last = 0;
    for (std::int64_t step = 0; step < together.joint_steps(); ++step) {
        const StepResult here = together.joint_step(), there = alone.joint_step();
        EXPECT_EQ(here.num_cells, there.num_cells);
        EXPECT_NEAR(here.loss / there.loss, 1, 1e-3) << "step " << step;
        (step == 0 ? first : last) = here.loss;
    }
    if (is_trained()) {
        EXPECT_LT(last, 0.9 * first);
    }
    const Validation here = together.validate(), there = alone.validate();
    EXPECT_NEAR(here.reconstruction, there.reconstruction, 1e-3 * std::abs(there.reconstruction) + 1e-6);
    for (int step = 0; step < 5; ++step)
        EXPECT_NEAR(together.score_step().loss / alone.score_step().loss, 1, 1e-3);
    // Every rank holds the same weights.
    const Model& model = together.model();
    for (const torch::Tensor& parameter :
         model.cellwise ? model.cellwise->module().parameters() : model.tag_encoder->parameters()) {
        const double mine = parameter.detach().to(torch::kFloat64).abs().sum().item<double>();
        EXPECT_EQ(all_reduce_max(comm, mine), all_reduce_min(comm, mine));
    }
}

TEST_P(Embedding, ACheckpointGoesOnOnAnotherNumberOfRanks) {
    Trainer straight(make_cpu_backend(comm), config, folder / "prepared.h5");
    const std::int64_t before = std::min<std::int64_t>(9, straight.joint_steps());
    for (std::int64_t step = 0; step < before; ++step) straight.joint_step();
    const Checkpoint saved = straight.checkpoint();
    if (comm.is_root()) write_checkpoint(folder / "last.h5", saved, {});
    barrier(comm);
    Trainer resumed(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    resumed.restore(read_checkpoint(folder / "last.h5"));
    EXPECT_EQ(resumed.joint_steps_done(), before);
    while (straight.joint_steps_done() < straight.joint_steps())
        EXPECT_NEAR(straight.joint_step().loss / resumed.joint_step().loss, 1, 1e-3);
    EXPECT_NEAR(straight.validate().reconstruction, resumed.validate().reconstruction,
                1e-3 * std::abs(resumed.validate().reconstruction) + 1e-6);
    EXPECT_NEAR(straight.score_step().loss / resumed.score_step().loss, 1, 1e-3);
}

TEST_P(Embedding, IsGeneratedFromTheSameByteForByte) {
    train(make_cpu_backend(comm), config, folder.path(), {}, log);
    const auto checkpoint = folder.path() / "checkpoints" / "last.h5";
    generate(make_cpu_backend(comm), config, checkpoint, folder / "together.h5ad", {}, log);
    if (comm.is_root())
        generate(make_cpu_backend(Communicator::self()), config, checkpoint, folder / "alone.h5ad", {}, log);
    barrier(comm);
    const Hdf5File together = Hdf5File::open(folder / "together.h5ad"),
                   alone = Hdf5File::open(folder / "alone.h5ad");
    EXPECT_EQ(together.read<std::int64_t>("X/indptr"), alone.read<std::int64_t>("X/indptr"));
    EXPECT_EQ(together.read<std::int32_t>("X/indices"), alone.read<std::int32_t>("X/indices"));
    EXPECT_EQ(together.read<float>("X/data"), alone.read<float>("X/data"));
    EXPECT_EQ(together.shape("X/indptr"), (std::vector<std::int64_t>{601}));
    const auto counts = together.read<float>("X/data");
    EXPECT_GT(counts.size(), 600U);
    if (GetParam() != "joint") return;
    const auto proteins = together.read<float>("obsm/protein_expression");
    EXPECT_EQ(proteins, alone.read<float>("obsm/protein_expression"));
    EXPECT_EQ(together.shape("obsm/protein_expression"), (std::vector<std::int64_t>{600, 6}));
    EXPECT_EQ(together.read_strings("uns/protein_expression_names").back(), "protein_5");
    EXPECT_TRUE(
        std::all_of(proteins.begin(), proteins.end(), [](float v) { return v >= 0 && v == std::floor(v); }));
}

INSTANTIATE_TEST_SUITE_P(Each, Embedding,
                         testing::Values("autoencoder", "scanvi", "sctag", "joint", "pca", "hvg"),
                         embedding_name);

}  // namespace lapatlas
