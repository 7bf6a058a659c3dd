// Training and generation on the GPU's backend against the CPU's: the same losses, the same cells. On a
// machine without a GPU memory, kernels and NCCL are the host's (tests/support/cuda_on_host), LibTorch's
// tensors too.
#include <algorithm>
#include <cmath>

#include "dist/collectives.hpp"
#include "dist/kernel_launches.hpp"
#include "src/generate/generate.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/trainer.hpp"
#include "tests/support/kernel_test.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {
namespace {

class BackendCuda : public testing::TestWithParam<Transport> {
  protected:
    void SetUp() override {
        if (const std::string why = why_skipped(GetParam(), comm_.size()); !why.empty()) GTEST_SKIP() << why;
        const Device device{.gpu = GetParam() == Transport::kNccl ? comm_.rank() % test_gpus().count : 0,
                            .name = "tested",
                            .total_bytes = 0,
                            .free_bytes = 0,
                            .ranks_on_gpu = 1,
                            .over_nccl = GetParam() == Transport::kNccl};
        gpu_ = make_cuda_backend(comm_, device, 60);
        cpu_ = make_cpu_backend(comm_);
    }
    /// Prepares a simulated atlas.
    Config prepared(std::int64_t cells, std::int64_t genes) {
        SimulateOptions simulate;
        simulate.cells = cells;
        simulate.genes = genes;
        simulate.types = 3;
        simulate.batches = 2;
        simulate.label_missing_fraction = 0.05;
        simulate_atlas(comm_, simulate, 3, folder_ / "input.h5ad", log_);
        Config config;
        config.input.path = (folder_ / "input.h5ad").string();
        config.input.label_key = "cell_type";
        config.input.batch_key = "batch";
        config.prepare.pca_components = 8;
        config.prepare.k = 6;
        config.prepare.encodings = 4;
        config.prepare.clusters = 16;
        config.model.hidden = 16;
        config.model.latent = 5;
        config.model.score_width = 24;
        config.model.score_blocks = 2;
        config.model.encoder_genes = genes / 2;
        config.model.score_dropout = 0.1;
        config.train.active_clusters = 4;
        config.train.loss_cells = 40;
        config.train.score_steps = 3;
        config.train.score_batch = 32;
        config.runtime.seed = 7;
        return prepare(comm_, config, folder_ / "prepared.h5", {}, log_);
    }

    const Communicator comm_ = Communicator::world();
    testing_support::TemporaryFolder folder_{comm_};
    std::shared_ptr<const Backend> gpu_, cpu_;
    Log log_ = Log::silent();
};

TEST_P(BackendCuda, FiftyStepsHaveTheLossesOfTheCpu) {
    Config config = prepared(240, 90);
    config.train.joint_epochs = 50;
    // As in rank_invariance: within the warm-up, where rounding does not carry two runs apart.
    config.train.warmup_fraction = 0.99;
    Trainer there(gpu_, config, folder_ / "prepared.h5"), here(cpu_, config, folder_ / "prepared.h5");
    const char* const kernels[] = {"weighted_row_sums",    "densify",      "likelihood_and_gradient",
                                   "sum_likelihood_parts", "fill_normals", "fill_dropout"};
    std::map<std::string, std::int64_t> before;
    for (const char* kernel : kernels) before[kernel] = kernel_launches(kernel);
    for (int step = 0; step < 50; ++step) {
        const Trainer::StepResult on_gpu = there.joint_step();
        const Trainer::StepResult on_cpu = here.joint_step();
        EXPECT_EQ(on_gpu.num_cells, on_cpu.num_cells);
        EXPECT_NEAR(on_gpu.loss / on_cpu.loss, 1, 1e-3) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.reconstruction / on_cpu.terms.reconstruction, 1, 1e-3) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.kl, on_cpu.terms.kl, 1e-3 * on_cpu.loss) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.diffusion, on_cpu.terms.diffusion, 1e-2) << "step " << step;
        EXPECT_NEAR(on_gpu.gradient_norm / on_cpu.gradient_norm, 1, 2e-2) << "step " << step;
    }
    // Nothing else can pass for the GPU's path.
    for (const char* kernel : kernels) EXPECT_GE(kernel_launches(kernel), before[kernel] + 50) << kernel;
    const Trainer::Validation on_gpu = there.validate(), on_cpu = here.validate();
    EXPECT_NEAR(on_gpu.reconstruction / on_cpu.reconstruction, 1, 1e-3);
    EXPECT_NEAR(on_gpu.kl, on_cpu.kl, 1e-3 * on_cpu.reconstruction);
}

TEST_P(BackendCuda, AWholeTrainingGoesOnAndGeneratesOnEither) {
    Config config = prepared(120, 40);
    config.train.joint_epochs = 2;
    config.generate.cells = 30;
    config.generate.steps = 4;
    Trainer trainer(gpu_, config, folder_ / "prepared.h5");
    while (trainer.joint_steps_done() < trainer.joint_steps()) trainer.joint_step();
    trainer.score_step();
    const auto save = [&](Trainer& of, const char* name) {
        const Checkpoint checkpoint = of.checkpoint();
        if (comm_.is_root()) write_checkpoint(folder_ / name, checkpoint, {});
        barrier(comm_);
    };
    save(trainer, "middle.h5");
    // A run that began on a GPU goes on on CPUs.
    Trainer other(cpu_, config, folder_ / "prepared.h5");
    other.restore(read_checkpoint(folder_ / "middle.h5"));
    while (!trainer.is_complete()) {
        const Trainer::StepResult on_gpu = trainer.score_step(), on_cpu = other.score_step();
        EXPECT_NEAR(on_gpu.loss, on_cpu.loss, 1e-3);
    }
    save(trainer, "last.h5");

    const std::int64_t before = kernel_launches("draw_counts");
    const TrainedModel here = load_trained_model(cpu_, folder_ / "last.h5", config);
    const TrainedModel there = load_trained_model(gpu_, folder_ / "last.h5", config);
    const CellPlan plan = make_cell_plan(config.generate, config.input, here.known, here.num_cells);
    const GeneratedBlock on_cpu = generate_block(here.model, config.generate, plan, 5, 0);
    const GeneratedBlock on_gpu = generate_block(there.model, config.generate, plan, 5, 0);
    EXPECT_EQ(kernel_launches("draw_counts"), before + 1);
    EXPECT_EQ(on_gpu.labels, on_cpu.labels);
    ASSERT_EQ(on_gpu.latents.size(), on_cpu.latents.size());
    for (std::size_t i = 0; i < on_cpu.latents.size(); ++i)
        EXPECT_NEAR(on_gpu.latents[i], on_cpu.latents[i], 1e-4);
    // The same draws, but of rates that rounding tells apart: now and then a count falls the other way.
    ASSERT_EQ(on_gpu.counts.num_rows(), 30);
    std::int64_t entries = 0, alike = 0;
    for (std::int64_t r = 0; r < 30; ++r) {
        const SparseCounts a = row_of(on_cpu.counts, r), b = row_of(on_gpu.counts, r);
        std::map<std::int32_t, float> counts;
        for (std::int64_t e = 0; e < a.size; ++e) counts[a.genes[e]] = a.values[e];
        for (std::int64_t e = 0; e < b.size; ++e) alike += counts[b.genes[e]] == b.values[e] ? 1 : 0;
        entries += a.size;
        EXPECT_NEAR(on_gpu.library[static_cast<std::size_t>(r)] / on_cpu.library[static_cast<std::size_t>(r)],
                    1, 1e-3);
    }
    EXPECT_GT(entries, 100);
    EXPECT_GE(static_cast<double>(alike), 0.99 * static_cast<double>(entries));
}

INSTANTIATE_TEST_SUITE_P(Transports, BackendCuda, kTransports, transport_name);

}  // namespace
}  // namespace lapatlas
