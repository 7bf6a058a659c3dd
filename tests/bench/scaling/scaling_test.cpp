// The scaling study's parts: what the skeleton sends is what a training step sends, and fits find what made
// them.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "dist/collectives.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/metrics_file.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/scaling/rank_loads.hpp"
#include "tests/bench/scaling/scaling_fit.hpp"
#include "tests/bench/scaling/skeleton.hpp"
#include "tests/bench/scaling/trainer_point.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas::bench {

namespace {

using testing_support::TemporaryFolder;

/// Rates at which nothing takes time.
MachineSpeed no_time() {
    constexpr double kFast = 1e18;
    return {kFast, kFast, kFast, kFast, kFast, kFast, kFast};
}

class PreparedAtlas : public testing::Test {
  protected:
    void SetUp() override {
        config.input.path = (folder / "input.h5ad").string();
        config.prepare.pca_components = 10;
        config.prepare.k = 8;
        config.prepare.encodings = 4;
        config.prepare.clusters = 32;
        config.model.hidden = 16;
        config.model.latent = 4;
        config.model.score_width = 16;
        config.train.batch = "full";
        config.train.loss_cells = 0;
        SimulateOptions simulate;
        simulate.cells = 400;
        simulate.genes = 150;
        simulate_atlas(comm, simulate, 3, config.input.path, log);
        config = prepare(*make_cpu_backend(comm), config, folder / "prepared.h5", {}, log);
    }
    Communicator comm = Communicator::world();
    TemporaryFolder folder{comm};
    Config config;
    Log log = Log::silent();
};

/// A ring of points: each rank sends `rows` to both sides.
StudyPoint ring(int ranks, double cells_a_rank, std::int64_t rows) {
    StudyPoint point;
    for (int rank = 0; rank < ranks; ++rank) {
        RankLoad load;
        load.rows = load.loss_rows = cells_a_rank;
        load.nonzeros = 10 * cells_a_rank;
        load.interior_edges = 8 * cells_a_rank;
        load.boundary_edges = 2 * cells_a_rank;
        if (ranks > 1) load.sends.emplace_back((rank + 1) % ranks, rows);
        if (ranks > 2) load.sends.emplace_back((rank + ranks - 1) % ranks, rows);
        point.loads.push_back(load);
        point.cells += cells_a_rank;
    }
    return point;
}

/// Comes near its best after 30 seconds.
void figures_of_a_run(const std::filesystem::path& run) {
    std::filesystem::create_directories(run / "checkpoints");
    MetricsFile file(run / "metrics.csv", 0, 0);
    for (const auto& [seconds, validation] : {std::pair{10.0, 120.0}, {30.0, 100.1}, {50.0, 100.0}}) {
        MetricsRow row = empty_metrics("joint", static_cast<std::int64_t>(seconds));
        row.validation_reconstruction = validation;
        row.seconds = seconds;
        row.rank_hours = 2 * seconds / 3600;
        file.append(row);
    }
}

}  // namespace

TEST_F(PreparedAtlas, SkeletonSendsWhatAStepSends) {
    Trainer trainer(make_cpu_backend(comm), config, folder / "prepared.h5");
    const StudyPoint point = study_point_of(comm, trainer, no_time());
    trainer.joint_step();
    const HaloStatistics step = trainer.halo();
    const StepFigures skeleton = run_skeleton(comm, point, 1);
    EXPECT_EQ(skeleton.exchanges, static_cast<double>(step.exchanges));
    EXPECT_EQ(skeleton.halo_bytes, all_reduce_max(comm, static_cast<double>(step.sent_bytes)));
    EXPECT_EQ(skeleton.ghosts_max,
              all_reduce_max(comm, static_cast<double>(trainer.data().train_graph.num_ghosts())));
    double weights = 0;
    for (const auto* module : {static_cast<torch::nn::Module*>(trainer.model().encoder.get()),
                               static_cast<torch::nn::Module*>(trainer.model().decoder.get()),
                               static_cast<torch::nn::Module*>(trainer.model().score_net.get())})
        for (const torch::Tensor& weight : module->parameters())
            if (weight.requires_grad()) weights += static_cast<double>(weight.numel());
    EXPECT_EQ(skeleton.reduce_bytes, 4 * weights);
    EXPECT_EQ(skeleton.halo_bytes > 0, comm.size() > 1);
}

TEST_F(PreparedAtlas, LoadsOfAPreparedDatasetAreThoseOfARun) {
    Trainer trainer(make_cpu_backend(comm), config, folder / "prepared.h5");
    const StudyPoint run = study_point_of(comm, trainer, no_time());
    const std::vector<RankLoad> counted = loads_of_prepared(folder / "prepared.h5", comm.size(), 1, 1);
    ASSERT_EQ(counted.size(), run.loads.size());
    for (std::size_t r = 0; r < counted.size(); ++r) {
        EXPECT_EQ(counted[r].rows, run.loads[r].rows);
        EXPECT_EQ(counted[r].interior_edges, run.loads[r].interior_edges);
        EXPECT_EQ(counted[r].boundary_edges, run.loads[r].boundary_edges);
        EXPECT_EQ(counted[r].sends, run.loads[r].sends);
    }
}

TEST(Skeleton, ComputesForAsLongAsItIsTold) {
    const auto comm = Communicator::world();
    StudyPoint point = ring(comm.size(), 100, 5);
    point.gradients = {10, 20};
    point.step = {{.kind = Operation::Kind::kCompute, .work = {.fixed = 0.02}},
                  {.kind = Operation::Kind::kHalo,
                   .work = {.an_interior_edge = 0.02 / 800},
                   .after = {.a_boundary_edge = 0.01 / 200},
                   .width = 3},
                  {.kind = Operation::Kind::kReady, .first = 0, .last = 2},
                  {.kind = Operation::Kind::kFinish}};
    const StepFigures figures = run_skeleton(comm, point, 2);
    EXPECT_NEAR(figures.work_mean, 0.05, 1e-9);
    EXPECT_GE(figures.seconds, 0.05);
    EXPECT_EQ(figures.messages, comm.size() == 1 ? 0 : comm.size() == 2 ? 1 : 2);
    EXPECT_EQ(figures.halo_bytes, figures.messages * 5 * 3 * 4);
    EXPECT_EQ(figures.reduce_bytes, 120);
}

TEST(Skeleton, RefusesAPointOfOtherRanks) {
    const auto comm = Communicator::world();
    EXPECT_THROW(run_skeleton(comm, ring(comm.size() + 1, 10, 1), 1), InputError);
}

TEST(StudyPoint, IsReadAsItWasWritten) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder{comm};
    StudyPoint point = ring(3, 12.5, 4);
    point.series = "weak";
    point.extrapolated = true;
    point.gradients = {1, 2, 3};
    point.step = {{.kind = Operation::Kind::kHalo, .work = {.a_nonzero = 1e-9}, .width = 7, .bytes = 8}};
    write_point(folder / "p.json", point);
    const StudyPoint again = read_point(folder / "p.json");
    EXPECT_EQ(again.series, "weak");
    EXPECT_TRUE(again.extrapolated);
    EXPECT_EQ(again.gradients, point.gradients);
    EXPECT_EQ(again.loads[1].sends, point.loads[1].sends);
    EXPECT_EQ(again.step[0].work.a_nonzero, 1e-9);
    EXPECT_EQ(again.step[0].bytes, 8);
    EXPECT_EQ(again.loads[2].rows, 12.5);
    EXPECT_THROW(read_point(folder / "none.json"), InputError);
}

TEST(ScalingFit, FindsLatencyAndBandwidth) {
    std::vector<StepFigures> points;
    for (const int ranks : {1, 2, 4, 8, 16}) {
        StepFigures point;
        point.ranks = ranks;
        point.work_max = 2.0 / ranks;
        point.messages = ranks == 1 ? 0 : 12.0 * (ranks - 1);
        point.halo_bytes = ranks == 1 ? 0 : 1e6 * std::sqrt(ranks);
        point.seconds = point.work_max + 3e-4 * point.messages + point.halo_bytes / 1e8;
        points.push_back(point);
    }
    const TimeFit fit = fit_time(points);
    EXPECT_NEAR(fit.latency, 3e-4, 1e-9);
    EXPECT_NEAR(fit.seconds_a_byte, 1e-8, 1e-13);
    EXPECT_LT(fit.largest_error, 1e-9);
}

TEST(ScalingFit, FindsTheScalabilityLaw) {
    const ScalabilityLaw law{0.03, 0.0004};
    std::vector<double> ranks, capacities;
    for (double p = 1; p <= 256; p *= 2) {
        ranks.push_back(p);
        capacities.push_back(law.capacity(p));
    }
    const ScalabilityLaw found = fit_scalability(ranks, capacities);
    EXPECT_NEAR(found.sigma, law.sigma, 1e-9);
    EXPECT_NEAR(found.kappa, law.kappa, 1e-12);
    EXPECT_NEAR(found.peak_ranks(), std::sqrt(0.97 / 0.0004), 1e-3);
    // Perfect scaling, and better: no negative contention.
    EXPECT_EQ(fit_scalability(ranks, ranks).sigma, 0);
}

TEST(ExtrapolatedLoads, FollowTheLineOfTheirPoints) {
    // Ghosts grow by 50 a rank from 4 to 16 ranks, so they do from 16 to 64.
    const std::vector<StudyPoint> known{ring(4, 1000, 50), ring(16, 1000, 100)};
    const std::vector<RankLoad> loads = extrapolated_loads(known, 64, 1000);
    ASSERT_EQ(loads.size(), 64U);
    double sent = 0, rows = 0;
    for (const RankLoad& load : loads) {
        sent += static_cast<double>(load.sent_rows());
        rows += load.rows;
        EXPECT_EQ(load.sends.size(), 2U);
    }
    EXPECT_NEAR(sent / 64, 300, 2);
    EXPECT_EQ(rows, 64000);
    EXPECT_THROW(extrapolated_loads(std::span(known).first(1), 64, 1000), InputError);
}

TEST(LoadsOfADrawnGraph, CoverAllCells) {
    const auto self = Communicator::self();
    const std::vector<int> ranks{1, 4};
    const auto loads = loads_of_drawn_graph(self, 6000, 8, 4, 256, ranks, 100, 0.5);
    ASSERT_EQ(loads.size(), 2U);
    EXPECT_TRUE(loads[0][0].sends.empty());
    double rows = 0;
    for (const RankLoad& load : loads[1]) {
        rows += load.rows;
        EXPECT_EQ(load.loss_rows, load.rows / 2);
        EXPECT_NEAR(load.rows, 1500, 200);
    }
    EXPECT_EQ(rows, 6000);
}

TEST(Collate, WritesAPageOfFiguresAndRuns) {
    const auto self = Communicator::self();
    const TemporaryFolder folder{self};
    for (const int ranks : {1, 2, 4}) {
        StepFigures figures;
        figures.series = "weak";
        figures.kind = ranks < 4 ? "measured" : "simulated";
        figures.where = "here, \"there\"";
        figures.ranks = ranks;
        figures.cells = 1000.0 * ranks;
        figures.work_mean = figures.work_max = 1;
        figures.seconds = 1 + 0.1 * (ranks - 1);
        figures.messages = ranks - 1;
        write_figures(folder / ("weak-" + std::to_string(ranks) + ".json"), figures);
    }
    figures_of_a_run(folder / "run");
    ASSERT_EQ(collate(self, {folder.path().string(), (folder / "page.html").string()}), 0);
    std::ifstream table(folder / "page.csv");
    std::string line;
    std::getline(table, line);
    EXPECT_NE(line.find("\"efficiency\""), std::string::npos);
    std::vector<std::string> rows;
    while (std::getline(table, line)) rows.push_back(line);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_NE(rows[2].find("\"simulated\",\"4\""), std::string::npos);
    EXPECT_NE(rows[2].find("\"0.769\""), std::string::npos);  // 1 / 1.3
    EXPECT_NE(rows[2].find("\"here, \"\"there\"\"\""), std::string::npos);
    std::ifstream page(folder / "page.html");
    const std::string html{std::istreambuf_iterator<char>(page), {}};
    EXPECT_NE(html.find("simulated"), std::string::npos);
    EXPECT_NE(html.find("Training runs and time to quality"), std::string::npos);
    EXPECT_NE(html.find(">30<"), std::string::npos);
    EXPECT_THROW(collate(self, {(folder / "run/checkpoints").string(), "x.html"}), Error);
}

}  // namespace lapatlas::bench
