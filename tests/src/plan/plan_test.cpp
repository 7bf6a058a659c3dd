#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/memory_use.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/plan/memory_check.hpp"
#include "src/plan/plan_text.hpp"
#include "src/prepare.hpp"
#include "src/simulate/simulator.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {
namespace {

Workload million_cells(int ranks) { return workload_of(AtlasSize{1000000, 2000, 2e8}, {}, ranks, ranks); }

TEST(MemoryPlan, RanksShareWhatIsDealt) {
    const auto host = [](int ranks, StageMemoryPlan (*plan)(const Workload&)) {
        return StageMemoryPlan::total(plan(million_cells(ranks)).host);
    };
    for (const auto plan : {plan_preparation_memory, plan_training_memory}) {
        EXPECT_LT(host(8, plan), host(1, plan) / 2);
        EXPECT_GT(host(8, plan), host(1, plan) / 8) << "networks and programs are not shared";
    }
    EXPECT_NEAR(host(8, plan_generation_memory), host(2, plan_generation_memory), 1);
}

TEST(MemoryPlan, ACountTakesThreeBytesInTrainingAndTwoMoreWhereGenesAreMany) {
    for (const double genes : {2000.0, 70'000.0}) {
        Workload more = million_cells(1);
        more.genes = genes;
        const double before = StageMemoryPlan::total(plan_training_memory(more).host);
        more.nonzeros += 1e9;
        EXPECT_NEAR(StageMemoryPlan::total(plan_training_memory(more).host) - before,
                    genes == 2000 ? 3e9 : 5e9, 1);
    }
}

TEST(MemoryPlan, ValidationDoesNotGrowWithTheCells) {
    Workload work = million_cells(1);
    const double before = StageMemoryPlan::total(plan_training_memory(work).host);
    const double cells = work.cells();
    work.train_cells *= 2;
    work.heldout_cells *= 2;
    const double a_cell = (StageMemoryPlan::total(plan_training_memory(work).host) - before) / cells;
    EXPECT_LT(a_cell, static_cast<double>(work.config.model.hidden) * 4);
}

TEST(MemoryPlan, AGpuHoldsTheNetworksInstead) {
    Workload work = million_cells(1);
    const double on_cpu = StageMemoryPlan::total(plan_training_memory(work).host);
    EXPECT_TRUE(plan_training_memory(work).device.empty());
    work.on_gpu = true;
    const StageMemoryPlan plan = plan_training_memory(work);
    EXPECT_LT(StageMemoryPlan::total(plan.host), on_cpu);
    EXPECT_GT(StageMemoryPlan::total(plan.device), 3e9);
}

TEST(TimePlan, TwiceTheSpeedIsHalfTheTimeAndTwiceTheCellsTwice) {
    const Workload work = million_cells(1);
    const MachineSpeed slow{1e11, 1e10, 1e10, 1e8, 1e7, 1e8, 1e8};
    MachineSpeed fast = slow;
    fast.draws *= 2;
    fast.compression *= 2;
    fast.dense *= 2;
    EXPECT_NEAR(plan_time(work, fast).generate, plan_time(work, slow).generate / 2, 1e-6);
    Workload more = work;
    more.config.generate.cells = 2 * static_cast<std::int64_t>(work.generated_cells());
    EXPECT_NEAR(plan_time(more, slow).generate, 2 * plan_time(work, slow).generate, 1e-6);
    EXPECT_LT(plan_time(million_cells(4), slow).train, plan_time(work, slow).train / 2);
}

TEST(PlanText, AsksSlurmForTheNodesThatRanksFillAndMoreMemoryThanPlanned) {
    Workload work = million_cells(6);
    work.ranks_a_machine = 4;
    const std::string text = plan_text(work, MachineSpeed{1e11, 1e10, 1e10, 1e8, 1e7, 1e8, 1e8});
    EXPECT_NE(text.find("#SBATCH --nodes=2\n"), std::string::npos) << text;
    EXPECT_NE(text.find("#SBATCH --ntasks=6\n"), std::string::npos) << text;
    EXPECT_NE(text.find("#SBATCH --ntasks-per-node=4\n"), std::string::npos) << text;
    EXPECT_NE(text.find("#SBATCH --time="), std::string::npos) << text;
    EXPECT_EQ(text.find("--gpus"), std::string::npos);
    work.on_gpu = true;
    const std::string on_gpus = plan_text(work, {});
    EXPECT_NE(on_gpus.find("#SBATCH --gpus-per-task=1\n"), std::string::npos) << on_gpus;
    EXPECT_EQ(on_gpus.find("#SBATCH --time="), std::string::npos);
}

TEST(MemoryUse, ThePeakIsThatOfWhatWasHeld) {
    const StageMemory memory;
    const std::int64_t before = memory.peak();
    constexpr std::size_t kBytes = 96 << 20;
    {
        const std::vector<char> held(kBytes, 1);
        EXPECT_GE(resident_memory(), static_cast<std::int64_t>(kBytes));
    }
    EXPECT_GE(memory.peak(), before + static_cast<std::int64_t>(kBytes) * 9 / 10);
    EXPECT_GT(free_memory(), 0);
    EXPECT_EQ(ranks_on_machine(Communicator::world()), Communicator::world().size());
    EXPECT_EQ(bytes_text(3.5 * (1 << 30)), "3.5 GiB");
    EXPECT_EQ(bytes_text(7 << 20), "7 MiB");
}

class PreparedPlan : public testing::Test {
  protected:
    void SetUp() override {
        SimulateOptions simulate;
        simulate.cells = 400;
        simulate.genes = 60;
        simulate.types = 3;
        simulate_atlas(comm_, simulate, 3, folder_ / "input.h5ad", log_);
        config_.input.path = (folder_ / "input.h5ad").string();
        config_.input.label_key = "cell_type";
        config_.prepare.pca_components = 5;
        config_.prepare.min_cells = 1;
    }
    const Communicator comm_ = Communicator::world();
    testing_support::TemporaryFolder folder_{comm_};
    Log log_ = Log::silent();
    Config config_;
};

TEST_F(PreparedPlan, SizesAreThoseOfTheFileAndOfThePreparedDataset) {
    const AtlasSize size = read_atlas_size(config_.input);
    const AtlasShard atlas = read_atlas(comm_, config_.input, log_);
    EXPECT_EQ(size.cells, 400);
    EXPECT_EQ(size.genes, 60);
    EXPECT_EQ(size.nonzeros, static_cast<double>(all_reduce_sum(comm_, atlas.counts.num_nonzeros())));

    const Config resolved = prepare(*make_cpu_backend(comm_), config_, folder_ / "prepared.h5", {}, log_);
    const Workload before = workload_of(size, config_, 1, 1);
    const Workload after = workload_of(read_prepared_summary(folder_ / "prepared.h5"), config_, 1, 1);
    EXPECT_NEAR(before.train_cells / after.train_cells, 1, 0.1);
    EXPECT_NEAR(before.nonzeros / after.nonzeros, 1, 0.05);
    EXPECT_NEAR(before.edges / after.edges, 1, 0.3);
    EXPECT_EQ(after.labels, 3);
    EXPECT_EQ(after.config.model.hidden, resolved.model.hidden);
}

TEST_F(PreparedPlan, TrainingThatDoesNotFitIsRefusedOnAllRanks) {
    const auto backend = make_cpu_backend(comm_);
    config_ = prepare(*backend, config_, folder_ / "prepared.h5", {}, log_);
    config_.runtime.memory = 0.05;
    try {
        require_training_memory(*backend, config_, folder_ / "prepared.h5", log_);
        ADD_FAILURE() << "it was not refused";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("training needs about"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("can have 51 MiB"), std::string::npos) << error.what();
    }
    config_.runtime.memory = 64;
    require_training_memory(*backend, config_, folder_ / "prepared.h5", log_);
    EXPECT_TRUE(log_.warnings().empty());
}

}  // namespace
}  // namespace lapatlas
