// The whole flow on R ranks against the same flow on one: same graph, same losses, same cells.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "dist/collectives.hpp"
#include "dist/hdf5_file.hpp"
#include "src/generate/generate.hpp"
#include "src/io/prepared_file.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/encode.hpp"
#include "src/train/trainer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

using testing_support::TemporaryFolder;
using RowMatrix = Eigen::Matrix<double, -1, -1, Eigen::RowMajor>;

Config small_config(const std::filesystem::path& input) {
    Config config;
    config.input.path = input.string();
    config.input.label_key = "cell_type";
    config.prepare.pca_components = 12;
    config.prepare.k = 8;
    config.prepare.encodings = 5;
    config.prepare.clusters = 24;
    config.model.hidden = 24;
    config.model.latent = 6;
    config.model.score_width = 32;
    config.model.score_blocks = 2;
    config.train.joint_epochs = 10;
    config.train.active_clusters = 4;
    config.train.score_steps = 20;
    config.train.score_batch = 64;
    config.generate.cells = 1100;
    config.generate.steps = 5;
    config.runtime.seed = 7;
    return config;
}

/// The 2,638 labelled cells of PBMC3K; developers have them beside the repository, users need not.
const std::filesystem::path kPbmc3k = LAPATLAS_PBMC3K;

/// An atlas and its prepared dataset, made by all ranks anew for each test; "_full" trains on full batches.
class RankInvariance : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        config = small_config(folder / "input.h5ad");
        if (GetParam() == "pbmc3k") {
            if (!std::filesystem::exists(kPbmc3k)) GTEST_SKIP() << "LAPATLAS_SKIPPED: no " << kPbmc3k;
            config.input.path = kPbmc3k.string();
            config.prepare.min_cells = 22;
            config.prepare.pca_components = 50;
            config.prepare.k = 15;
            config.prepare.encodings = 16;
            config.prepare.clusters = 0;
            config.train.active_clusters = 0;
            config.train.joint_epochs = 2;
        } else {
            SimulateOptions simulate;
            simulate.cells = 500;
            simulate.genes = 200;
            simulate.types = 4;
            simulate.label_missing_fraction = 0.05;
            simulate_atlas(comm, simulate, 3, folder / "input.h5ad", log);
            config.train.batch = GetParam() == "simulated_full" ? "full" : "cluster";
            config.train.loss_cells = 60;  // fewer than are active in either
        }
        config = prepare(*make_cpu_backend(comm), config, folder / "prepared.h5", {}, log);
    }

    Communicator comm = Communicator::world();
    TemporaryFolder folder{comm};
    Config config;
    Log log = Log::silent();
};

std::string atlas_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

struct Whole {
    PreparedSummary summary;
    PreparedRows train;
    HeldoutRows heldout;
};

Whole read_whole(const std::filesystem::path& path) {
    const PreparedSummary summary = read_prepared_summary(path);
    const IndexMap map(summary.cluster_offsets, std::vector<int>(summary.cluster_offsets.size() - 1, 0), 1);
    return {summary, read_prepared_rows(path, summary, map, 0, true),
            read_heldout_rows(path, summary, map, 0)};
}

/// Undirected edges as pairs of rows of the atlas that was read.
std::set<std::pair<std::int64_t, std::int64_t>> edges_of(const PreparedRows& rows) {
    std::set<std::pair<std::int64_t, std::int64_t>> edges;
    for (std::size_t r = 0; r + 1 < rows.graph_offsets.size(); ++r)
        for (std::int64_t e = rows.graph_offsets[r]; e < rows.graph_offsets[r + 1]; ++e)
            edges.emplace(
                rows.cell_index[r],
                rows.cell_index[static_cast<std::size_t>(rows.graph_columns[static_cast<std::size_t>(e)])]);
    return edges;
}

/// Columns by atlas row, so that two orders of the same cells can be compared.
Eigen::MatrixXd by_cell(const std::vector<float>& values, const std::vector<std::int64_t>& cells,
                        std::int64_t num_cells) {
    const auto width = static_cast<Eigen::Index>(values.size() / cells.size());
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(num_cells, width);
    for (std::size_t r = 0; r < cells.size(); ++r)
        for (Eigen::Index j = 0; j < width; ++j)
            out(cells[r], j) = values[r * static_cast<std::size_t>(width) + static_cast<std::size_t>(j)];
    return out;
}

/// The largest sine of the angles between two column spaces.
double subspace_distance(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    const Eigen::MatrixXd qa = Eigen::HouseholderQR<Eigen::MatrixXd>(a).householderQ() *
                               Eigen::MatrixXd::Identity(a.rows(), a.cols());
    const Eigen::MatrixXd qb = Eigen::HouseholderQR<Eigen::MatrixXd>(b).householderQ() *
                               Eigen::MatrixXd::Identity(b.rows(), b.cols());
    return (qa - qb * (qb.transpose() * qa)).norm();
}

}  // namespace

TEST_P(RankInvariance, PrepareMakesTheSameGraphPcaAndEncodings) {
    if (comm.is_root())
        prepare(*make_cpu_backend(Communicator::self()), config, folder / "alone.h5", {}, log);
    barrier(comm);
    const Whole together = read_whole(folder / "prepared.h5"), alone = read_whole(folder / "alone.h5");
    EXPECT_EQ(together.summary.num_train, alone.summary.num_train);
    EXPECT_EQ(edges_of(together.train), edges_of(alone.train));
    const std::int64_t cells = together.summary.num_cells;
    EXPECT_LT(subspace_distance(by_cell(together.train.scores, together.train.cell_index, cells),
                                by_cell(alone.train.scores, alone.train.cell_index, cells)),
              1e-4);
    EXPECT_LT(subspace_distance(by_cell(together.train.encodings, together.train.cell_index, cells),
                                by_cell(alone.train.encodings, alone.train.cell_index, cells)),
              1e-3);
    EXPECT_EQ(std::set(together.heldout.cell_index.begin(), together.heldout.cell_index.end()),
              std::set(alone.heldout.cell_index.begin(), alone.heldout.cell_index.end()));
    // Held-out cells are in no part of what training sees.
    for (const std::int64_t cell : together.heldout.cell_index)
        EXPECT_EQ(std::count(together.train.cell_index.begin(), together.train.cell_index.end(), cell), 0);
}

TEST_P(RankInvariance, FiftyStepsHaveTheSameLoss) {
    config.train.joint_epochs = 50;
    // The first 50 steps of a run lie within its warm-up. At the full rate a single ReLU that rounding puts
    // on the other side of zero is enough for Adam to carry two runs apart by more than this test allows.
    config.train.warmup_fraction = 0.99;
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    for (int step = 0; step < 50; ++step) {
        const StepResult here = together.joint_step(), there = alone.joint_step();
        EXPECT_EQ(here.num_cells, there.num_cells);
        const double total = there.loss;
        EXPECT_NEAR(here.loss / total, 1, 1e-4) << "step " << step;
        EXPECT_NEAR(here.terms.kl, there.terms.kl, 1e-4 * total) << "step " << step;
        EXPECT_NEAR(here.terms.diffusion, there.terms.diffusion, 1e-2) << "step " << step;
    }
    const Validation here = together.validate(), there = alone.validate();
    EXPECT_NEAR(here.reconstruction / there.reconstruction, 1, 1e-4);
    EXPECT_TRUE(std::isfinite(here.kl));
    EXPECT_GT(together.edges_changed(), 0.1);
    // Every rank holds the same weights.
    for (const torch::Tensor& parameter : together.model().encoder->parameters()) {
        const double mine = parameter.detach().to(torch::kFloat64).abs().sum().item<double>();
        EXPECT_EQ(all_reduce_max(comm, mine), all_reduce_min(comm, mine));
    }
}

TEST_P(RankInvariance, ACheckpointGoesOnOnAnotherNumberOfRanks) {
    Trainer straight(make_cpu_backend(comm), config, folder / "prepared.h5");
    for (int step = 0; step < 12; ++step) straight.joint_step();
    const Checkpoint saved = straight.checkpoint();
    if (comm.is_root()) write_checkpoint(folder / "last.h5", saved, {});
    barrier(comm);
    Trainer resumed(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    resumed.restore(read_checkpoint(folder / "last.h5"));
    EXPECT_EQ(resumed.joint_steps_done(), 12);
    for (int step = 0; step < 8; ++step)
        EXPECT_NEAR(straight.joint_step().terms.reconstruction / resumed.joint_step().terms.reconstruction, 1,
                    1e-4);

    Config other = config;
    other.train.learning_rate *= 2;
    Trainer stranger(make_cpu_backend(Communicator::self()), other, folder / "prepared.h5");
    EXPECT_THROW(stranger.restore(read_checkpoint(folder / "last.h5")), ConfigError);
}

TEST_P(RankInvariance, TrainingResumesAndGenerationIsTheSameByteForByte) {
    train(make_cpu_backend(comm), config, folder.path(), {}, log);
    train(make_cpu_backend(comm), config, folder.path(), {},
          log);  // complete: nothing left to do, nothing lost
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
    EXPECT_EQ(together.read<std::int32_t>("obs/cell_type/codes"),
              alone.read<std::int32_t>("obs/cell_type/codes"));
    EXPECT_EQ(together.shape("X/indptr"), (std::vector<std::int64_t>{1101}));
    const std::vector<MetricsRow> metrics = read_metrics(folder / "metrics.csv");
    EXPECT_EQ(metrics.front().phase, "joint");
    EXPECT_EQ(metrics.back().step, 20);
    const auto last_epoch = static_cast<std::size_t>(config.train.joint_epochs - 1);
    EXPECT_FALSE(std::isnan(metrics[last_epoch].validation_reconstruction));
}

TEST_P(RankInvariance, ALibraryDiffusedWithTheLatentIsGeneratedTheSame) {
    config.model.library_model = "joint";
    config.train.joint_epochs = 2;
    train(make_cpu_backend(comm), config, folder.path(), {}, log);
    const auto checkpoint = folder.path() / "checkpoints" / "last.h5";
    generate(make_cpu_backend(comm), config, checkpoint, folder / "together.h5ad", {}, log);
    if (comm.is_root())
        generate(make_cpu_backend(Communicator::self()), config, checkpoint, folder / "alone.h5ad", {}, log);
    barrier(comm);
    const auto sizes = Hdf5File::open(folder / "together.h5ad").read<float>("obs/library_size");
    EXPECT_EQ(sizes, Hdf5File::open(folder / "alone.h5ad").read<float>("obs/library_size"));
    // Drawn anew, not copied from the training cells: no two are equal, all are of a library's order.
    EXPECT_EQ(std::set(sizes.begin(), sizes.end()).size(), sizes.size());
    for (const float size : sizes) EXPECT_TRUE(size > 10 && size < 1e6F) << size;
}

TEST_P(RankInvariance, LearnedWeightsMoveTowardsTheInverseOfTheirTerms) {
    config.train.learnable_weights = true;
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    const torch::Tensor start = together.model().loss_log_variances.detach().clone();
    for (int step = 0; step < 10; ++step)
        EXPECT_NEAR(together.joint_step().loss / alone.joint_step().loss, 1, 1e-4);
    const torch::Tensor moved = together.model().loss_log_variances.detach() - start;
    EXPECT_TRUE(torch::allclose(together.model().loss_log_variances, alone.model().loss_log_variances, 1e-3));
    // exp(-s) L + s is least at exp(-s) = 1 / L: far below 1 for the reconstruction, above it for the
    // diffusion.
    EXPECT_GT(moved[0].item<float>(), 0);
    EXPECT_LT(moved[2].item<float>(), 0.001F);

    const Checkpoint saved = together.checkpoint();
    if (comm.is_root()) write_checkpoint(folder / "last.h5", saved, {});
    barrier(comm);
    Trainer resumed(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    resumed.restore(read_checkpoint(folder / "last.h5"));
    EXPECT_TRUE(torch::equal(resumed.model().loss_log_variances, together.model().loss_log_variances));
    EXPECT_NEAR(together.joint_step().loss / resumed.joint_step().loss, 1, 1e-4);
}

TEST_P(RankInvariance, CountsOnDiskTrainTheSameNetworks) {
    Config on_disk = config;
    on_disk.train.counts_on_disk = true;
    if (config.train.batch == "full") {
        EXPECT_THROW(Trainer(make_cpu_backend(comm), on_disk, folder / "prepared.h5"), ConfigError);
        return;
    }
    Trainer in_memory(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer from_disk(make_cpu_backend(comm), on_disk, folder / "prepared.h5");
    EXPECT_FALSE(in_memory.data().counts.has_entries_in_files());
    EXPECT_TRUE(from_disk.data().counts.has_entries_in_files());
    EXPECT_THROW(from_disk.data().counts.arrays(), InternalError);
    for (int step = 0; step < 6; ++step)
        EXPECT_EQ(in_memory.joint_step().loss, from_disk.joint_step().loss) << step;
    EXPECT_EQ(in_memory.validate().reconstruction, from_disk.validate().reconstruction);
    EXPECT_EQ(in_memory.score_step().loss, from_disk.score_step().loss);
    // Neither is another run: a checkpoint of one goes on in the other.
    const Checkpoint saved = from_disk.checkpoint();
    if (comm.is_root()) write_checkpoint(folder / "last.h5", saved, {});
    barrier(comm);
    in_memory.restore(read_checkpoint(folder / "last.h5"));
}

TEST_P(RankInvariance, CentredInputsAreTheSameOnAnyRanks) {
    config.model.centre_input = true;
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    for (int step = 0; step < 6; ++step)
        EXPECT_NEAR(together.joint_step().loss / alone.joint_step().loss, 1, 1e-4) << step;
    EXPECT_NEAR(together.validate().reconstruction / alone.validate().reconstruction, 1, 1e-4);
    // What the encoder then sees of all training cells has no mean.
    const RankData& data = alone.data();
    std::vector<std::int32_t> rows(static_cast<std::size_t>(data.num_train_rows));
    std::iota(rows.begin(), rows.end(), 0);
    const auto input = alone.placed().inputs(rows, {});
    const torch::Tensor ones = torch::ones({input->num_rows(), 1});
    torch::Tensor sums = torch::empty({input->num_genes(), 1});
    input->transposed_times(ones, sums);
    EXPECT_LT(sums.abs().max().item<float>(), 1e-3F * static_cast<float>(data.num_train_rows));
    // Nor has it with half of the counts masked, but for noise.
    const torch::Tensor of_masked = torch::empty_like(sums), of_raw = torch::empty_like(sums);
    alone.placed().inputs(rows, {0.5, 1, 0})->transposed_times(ones, of_masked);
    config.model.centre_input = false;
    Trainer raw(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    raw.placed().inputs(rows, {})->transposed_times(ones, of_raw);
    EXPECT_LT(std::abs(of_masked.sum().item<float>()), 0.02F * of_raw.sum().item<float>());
}

TEST_P(RankInvariance, AGeneSampleIsTheSameOnAnyRanks) {
    config.train.gene_sample = 50;
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    config.train.gene_sample = 0;
    Trainer whole(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    for (int step = 0; step < 6; ++step) {
        const StepResult here = together.joint_step(), there = alone.joint_step();
        EXPECT_NEAR(here.loss / there.loss, 1, 1e-4) << step;
        const double all = whole.joint_step().loss;
        EXPECT_NEAR(there.loss / all, 1, 0.1) << step;
        EXPECT_NE(there.loss, all) << step;
    }
}

TEST_P(RankInvariance, AnEncoderOfFewGenesSeesTheMostVariableOnes) {
    config.model.encoder_genes = 40;
    const RankData data = load_rank_data(comm, folder / "prepared.h5", config);
    const LogCounts inputs(data.counts, data.input_target_sum, data.encoder_genes);
    EXPECT_EQ(inputs.num_genes(), 40);
    RowBuffer of_all, of_seen;
    const std::vector<std::int32_t>& ranking = data.summary.gene_ranking;
    EXPECT_EQ(static_cast<std::int64_t>(ranking.size()), data.counts.num_genes());
    std::vector<std::int32_t> chosen(ranking.begin(), ranking.begin() + 40);
    std::sort(chosen.begin(), chosen.end());
    for (std::int64_t r = 0; r < data.num_rows(); ++r) {
        const SparseCounts all = data.counts.row(r, of_all), seen = inputs.row(r, of_seen);
        std::int64_t at = 0;
        for (std::int64_t e = 0; e < all.size; ++e) {
            const auto found = std::lower_bound(chosen.begin(), chosen.end(), all.genes[e]);
            if (found == chosen.end() || *found != all.genes[e]) continue;
            EXPECT_EQ(seen.genes[at], found - chosen.begin());
            // The whole cell's library scales it, not that of the genes seen.
            EXPECT_NEAR(seen.values[at],
                        std::log1p(all.values[e] * config.prepare.target_sum /
                                   data.library[static_cast<std::size_t>(r)]),
                        1e-5);
            ++at;
        }
        EXPECT_EQ(at, seen.size);
    }
    Trainer together(make_cpu_backend(comm), config, folder / "prepared.h5");
    Trainer alone(make_cpu_backend(Communicator::self()), config, folder / "prepared.h5");
    for (int step = 0; step < 5; ++step)
        EXPECT_NEAR(together.joint_step().loss / alone.joint_step().loss, 1, 1e-4);
}

TEST_P(RankInvariance, AllCellsAreEncodedAlikeOnAnyRanks) {
    const auto means_by_row = [&](const Communicator& ranks) {
        const RankData data = load_rank_data(ranks, folder / "prepared.h5", config);
        const Model model = make_model(config.model, sizes_of(data.summary), 1);
        const PlacedData placed(make_cpu_backend(ranks), data);
        const torch::Tensor mean = encode_rows(placed, model, config.train, 0.2, 3).mean.contiguous();
        EXPECT_EQ(mean.size(0), data.num_rows());
        const std::vector<float> mine(mean.data_ptr<float>(), mean.data_ptr<float>() + mean.numel());
        const auto ids = all_gather_v<std::int64_t>(ranks, data.full_graph.owned_ids);
        const auto values = all_gather_v<float>(ranks, mine);
        std::vector<float> ordered(values.size());
        const auto width = static_cast<std::size_t>(mean.size(1));
        for (std::size_t i = 0; i < ids.size(); ++i)
            std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                        ordered.begin() + ids[i] * static_cast<std::ptrdiff_t>(width));
        return ordered;
    };
    const std::vector<float> together = means_by_row(comm), alone = means_by_row(Communicator::self());
    ASSERT_EQ(together.size(), alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(together[i], alone[i], 1e-4) << i;
    if (GetParam() != "simulated") return;
    // 24 clusters, 4 a step: six groups, each cluster in one.
    std::vector<int> times(24, 0);
    for (std::int64_t group = 0; group < 6; ++group) {
        const std::vector<std::uint8_t> active = clusters_of_group(24, 6, group);
        EXPECT_EQ(std::count(active.begin(), active.end(), 1), 4);
        for (std::size_t c = 0; c < active.size(); ++c) times[c] += active[c];
    }
    EXPECT_EQ(times, std::vector<int>(24, 1));
}

TEST_P(RankInvariance, WithoutLatentNoiseTheMeanIsDecoded) {
    config.model.latent_noise = false;
    config.model.dropout = 0;
    config.train.w_kl = 0;
    Trainer trainer(make_cpu_backend(comm), config, folder / "prepared.h5");
    // However uncertain the posterior is: its variance has no part in the loss.
    const double expected = trainer.joint_step().terms.reconstruction;
    Trainer other(make_cpu_backend(comm), config, folder / "prepared.h5");
    {
        const torch::NoGradGuard no_grad;
        other.model().encoder->named_parameters()["log_variance.bias"].fill_(4);
    }
    EXPECT_EQ(other.joint_step().terms.reconstruction, expected);
}

TEST_P(RankInvariance, ADivergedLossNamesStepAndTermOnAllRanks) {
    config.train.learning_rate = 1e6;
    config.train.warmup_fraction = 0;
    Trainer trainer(make_cpu_backend(comm), config, folder / "prepared.h5");
    std::string message;
    try {
        for (int step = 0; step < 50; ++step) trainer.joint_step();
    } catch (const InternalError& error) {
        message = error.what();
    }
    EXPECT_NE(message.find("joint step"), std::string::npos) << message;
    EXPECT_EQ(all_reduce_sum(comm, 1), comm.size());
}

INSTANTIATE_TEST_SUITE_P(Simulated, RankInvariance, testing::Values("simulated", "simulated_full"),
                         atlas_name);
INSTANTIATE_TEST_SUITE_P(Pbmc3k, RankInvariance, testing::Values("pbmc3k"), atlas_name);

}  // namespace lapatlas
