// Training and generation on the GPU's backend against the CPU's: the same losses, the same cells. On a
// machine without a GPU memory, kernels and NCCL are the host's (tests/support/cuda_on_host), LibTorch's
// tensors too.
#include <algorithm>
#include <cmath>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/kernel_launches.hpp"
#include "src/embed/positional_encoding.hpp"
#include "src/generate/generate.hpp"
#include "src/graph/knn.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/trainer.hpp"
#include "tests/support/graphs.hpp"
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
        return prepare(*cpu_, config, folder_ / "prepared.h5", {}, log_);
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
        const StepResult on_gpu = there.joint_step();
        const StepResult on_cpu = here.joint_step();
        EXPECT_EQ(on_gpu.num_cells, on_cpu.num_cells);
        EXPECT_NEAR(on_gpu.loss / on_cpu.loss, 1, 1e-3) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.reconstruction / on_cpu.terms.reconstruction, 1, 1e-3) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.kl, on_cpu.terms.kl, 1e-3 * on_cpu.loss) << "step " << step;
        EXPECT_NEAR(on_gpu.terms.diffusion, on_cpu.terms.diffusion, 1e-2) << "step " << step;
        EXPECT_NEAR(on_gpu.gradient_norm / on_cpu.gradient_norm, 1, 2e-2) << "step " << step;
    }
    // Nothing else can pass for the GPU's path.
    for (const char* kernel : kernels) EXPECT_GE(kernel_launches(kernel), before[kernel] + 50) << kernel;
    const Validation on_gpu = there.validate(), on_cpu = here.validate();
    EXPECT_NEAR(on_gpu.reconstruction / on_cpu.reconstruction, 1, 1e-3);
    EXPECT_NEAR(on_gpu.kl, on_cpu.kl, 1e-3 * on_cpu.reconstruction);
}

TEST_P(BackendCuda, PreparesAsTheCpuDoes) {
    const Config config = prepared(300, 80);
    const char* const kernels[] = {"densify", "offer_points", "weighted_row_sums"};
    std::map<std::string, std::int64_t> before;
    for (const char* kernel : kernels) before[kernel] = kernel_launches(kernel);
    prepare(*gpu_, config, folder_ / "there.h5", {}, log_);
    for (const char* kernel : kernels) EXPECT_GT(kernel_launches(kernel), before[kernel]) << kernel;
    const PreparedSummary here = read_prepared_summary(folder_ / "prepared.h5");
    const PreparedSummary there = read_prepared_summary(folder_ / "there.h5");
    // The same edges make the same clusters.
    EXPECT_EQ(there.cluster_offsets, here.cluster_offsets);
    EXPECT_EQ(there.figures.at("edges"), here.figures.at("edges"));
    EXPECT_EQ(there.figures.at("knn_recall"), 1);
    for (std::size_t i = 0; i < here.singular_values.size(); ++i)
        EXPECT_NEAR(there.singular_values.at(i) / here.singular_values[i], 1, 1e-9);
    for (std::size_t i = 0; i < here.eigenvalues.size(); ++i)
        EXPECT_NEAR(there.eigenvalues.at(i), here.eigenvalues[i], 1e-9);
    const PreparedRows a =
        read_prepared_rows(folder_ / "prepared.h5", here, place_on_ranks(here, comm_.size()), comm_.rank());
    const PreparedRows b =
        read_prepared_rows(folder_ / "there.h5", there, place_on_ranks(there, comm_.size()), comm_.rank());
    EXPECT_EQ(b.graph_columns, a.graph_columns);
    EXPECT_EQ(b.counts.arrays().counts, a.counts.arrays().counts);
    ASSERT_EQ(b.encodings.size(), a.encodings.size());
    for (std::size_t i = 0; i < a.encodings.size(); ++i) EXPECT_NEAR(b.encodings[i], a.encodings[i], 1e-4);
}

TEST_P(BackendCuda, SearchesBlocksExactlyWhereRoundingIsInDoubt) {
    // A third of the points are one and the same: more ties than the GPU's lists have room for.
    constexpr std::int64_t kPoints = 600, kDimensions = 7, kWanted = 9;
    const PlacedRandom random(2, RandomStream::kKmeans);
    const BlockRange mine = block_of_rank(kPoints, comm_.size(), comm_.rank());
    std::vector<double> points(static_cast<std::size_t>(mine.size() * kDimensions), 0.25);
    for (std::int64_t i = mine.begin; i < mine.end; ++i)
        if (i % 3 != 0)
            random.fill_normals(static_cast<std::uint64_t>(i), 0,
                                points.data() + (i - mine.begin) * kDimensions, kDimensions);
    const std::int64_t before = kernel_launches("offer_points");
    const KnnGraph there = knn_exact(comm_, points, kDimensions, kWanted, gpu_->block_search());
    EXPECT_GT(kernel_launches("offer_points"), before);
    const KnnGraph here = knn_exact(comm_, points, kDimensions, kWanted);
    EXPECT_EQ(there.neighbours, here.neighbours);
    EXPECT_EQ(there.squared_distances, here.squared_distances);
    // More neighbours than it can keep are the CPU's.
    EXPECT_EQ(knn_exact(comm_, points, kDimensions, 120, gpu_->block_search()).neighbours,
              knn_exact(comm_, points, kDimensions, 120).neighbours);
}

TEST_P(BackendCuda, EncodesAGraphOfSeveralLargeComponents) {
    constexpr std::int64_t kRows = 3600, kNeighbours = 5;
    const auto targets = testing_support::clustered_targets(kRows, kNeighbours, 3, 5);
    const DistributedGraph graph = testing_support::block_graph(comm_, targets, kRows, kNeighbours);
    const Components components = find_components(comm_, graph);
    ASSERT_EQ(components.count, 3);
    const PositionalEncodingOptions options{.count = 4};
    const PositionalEncoding here = positional_encoding(comm_, graph, components, options);
    const PositionalEncoding there =
        positional_encoding(comm_, graph, components, options,
                            [&](const Communicator&, const GraphShard& shard, const TrivialVectors& trivial) {
                                return gpu_->spectral_operator(shard, trivial);
                            });
    ASSERT_EQ(there.vectors.size(), here.vectors.size());
    for (std::size_t i = 0; i < here.eigenvalues.size(); ++i)
        EXPECT_NEAR(there.eigenvalues[i], here.eigenvalues[i], 1e-9);
    for (std::size_t i = 0; i < here.vectors.size(); ++i)
        EXPECT_NEAR(there.vectors[i], here.vectors[i], 1e-3);
}

TEST_P(BackendCuda, Bfloat16TrainsNearlyAlike) {
    Config config = prepared(240, 90);
    config.train.joint_epochs = 50;
    config.train.warmup_fraction = 0.99;
    EXPECT_THROW(
        {
            Config wanted = config;
            wanted.train.precision = "bfloat16";
            Trainer(cpu_, wanted, folder_ / "prepared.h5");
        },
        ConfigError);
    Trainer exact(gpu_, config, folder_ / "prepared.h5");
    config.train.precision = "bfloat16";
    Trainer rounded(gpu_, config, folder_ / "prepared.h5");
    double largest = 0;
    const std::int64_t before = kernel_launches("pack_rounded_rows");
    for (int step = 0; step < 12; ++step) {
        const StepResult a = exact.joint_step(), b = rounded.joint_step();
        largest = std::max(largest, std::abs(b.loss / a.loss - 1));
        EXPECT_NEAR(b.gradient_norm / a.gradient_norm, 1, 0.2) << "step " << step;
    }
    if (comm_.size() > 1) {
        EXPECT_GT(kernel_launches("pack_rounded_rows"), before + 100) << "ghosts were not rounded";
    }
    EXPECT_LT(largest, 1e-2);
    EXPECT_GT(largest, 1e-6) << "factors were not rounded";
    for (int step = 0; step < 3; ++step)
        EXPECT_NEAR(rounded.score_step().loss / exact.score_step().loss, 1, 2e-2);
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
        const StepResult on_gpu = trainer.score_step(), on_cpu = other.score_step();
        EXPECT_NEAR(on_gpu.loss, on_cpu.loss, 1e-3);
    }
    save(trainer, "last.h5");

    const std::int64_t before = kernel_launches("draw_counts");
    const TrainedModel here = load_trained_model(cpu_, folder_ / "last.h5", config);
    const TrainedModel there = load_trained_model(gpu_, folder_ / "last.h5", config);
    const CellPlan plan = make_cell_plan(config.generate, config.input, here.known, here.num_cells);
    const GeneratedBlock on_cpu = generate_block(here.model, config.generate, plan, 5, 0);
    const Generator generator(there.model, config.generate, plan, 5);
    const GeneratedBlock on_gpu = generator.block(0);
    EXPECT_EQ(kernel_launches("draw_counts"), before + 1);
    // The second time sampling is replayed from a record, with what the first left behind.
    const GeneratedBlock again = generator.block(0);
    EXPECT_EQ(again.latents, on_gpu.latents);
    EXPECT_EQ(again.counts.values, on_gpu.counts.values);
    EXPECT_EQ(again.counts.gene_indices, on_gpu.counts.gene_indices);
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
