#include "dist/device.hpp"

#include <gtest/gtest.h>

#include "dist/error.hpp"

namespace lapatlas {

TEST(AssignGpus, ANodesRanksTakeItsGpusInTurn) {
    // Node 0 has ranks 0, 2 and 5 and two GPUs, node 1 the others and four.
    const std::vector<RankGpus> ranks{{0, 2}, {1, 4}, {0, 2}, {1, 4}, {1, 4}, {0, 2}};
    EXPECT_EQ(assign_gpus(ranks), (std::vector<int>{0, 0, 1, 1, 2, 0}));
}

TEST(AssignGpus, OneRankWithoutAGpuLeavesAllOnTheCpu) {
    const std::vector<RankGpus> ranks{{0, 2}, {1, 0}, {0, 2}};
    EXPECT_EQ(assign_gpus(ranks), (std::vector<int>{-1, -1, -1}));
}

TEST(ChooseDevice, TheCpuWhenAsked) {
    std::string why;
    const Device device = choose_device(Communicator::world(), "cpu", "runtime.device", why);
    EXPECT_FALSE(device.is_gpu());
    EXPECT_EQ(why, "");
}

TEST(ChooseDevice, RefusesOtherWords) {
    std::string why;
    EXPECT_THROW(choose_device(Communicator::world(), "gpu", "runtime.device", why), ConfigError);
}

TEST(ChooseDevice, SaysWhyThereIsNoGpu) {
    const Communicator comm = Communicator::world();
    if (survey_gpus().count > 0) GTEST_SKIP() << "LAPATLAS_SKIPPED: this machine has a GPU";
    std::string why;
    const Device device = choose_device(comm, "auto", "runtime.device", why);
    EXPECT_FALSE(device.is_gpu());
    EXPECT_NE(why.find("rank 0"), std::string::npos) << why;
    EXPECT_NE(why.find("has no GPU: "), std::string::npos) << why;
    try {
        choose_device(comm, "cuda", "runtime.device", why);
        ADD_FAILURE() << "no error";
    } catch (const ConfigError& error) {
        EXPECT_EQ(std::string(error.what()).rfind("runtime.device = \"cuda\": rank 0", 0), 0u)
            << error.what();
    }
}

TEST(DescribeDevices, ALineARank) {
    const Communicator comm = Communicator::world();
    const std::vector<std::string> lines = describe_devices(comm, {});
    ASSERT_EQ(lines.size(), comm.is_root() ? static_cast<std::size_t>(comm.size()) : 0u);
    for (std::size_t r = 0; r < lines.size(); ++r)
        EXPECT_EQ(lines[r].rfind("rank " + std::to_string(r) + " on ", 0), 0u) << lines[r];
}

TEST(DescribeDevices, NamesTheGpuAndTheTransport) {
    const Communicator comm = Communicator::world();
    const Device device{.gpu = 1,
                        .name = "GPU X",
                        .total_bytes = 80'000'000'000,
                        .free_bytes = 79'000'000'000,
                        .ranks_on_gpu = comm.size(),
                        .over_nccl = comm.size() == 1};
    const std::vector<std::string> lines = describe_devices(comm, device);
    if (!comm.is_root()) return;
    EXPECT_NE(lines[0].find("GPU 1, GPU X, 79.0 GB of 80.0 GB free"), std::string::npos) << lines[0];
    EXPECT_EQ(lines[0].find("through host memory") != std::string::npos, comm.size() > 1) << lines[0];
}

}  // namespace lapatlas
