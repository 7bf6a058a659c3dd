#include "src/train/checkpoint.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/sealed_file.hpp"
#include "src/train/checkpoint_writer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Checkpoint at_step(std::int64_t step) {
    Checkpoint checkpoint;
    checkpoint.config = "[model]";
    checkpoint.fingerprint = "these options";
    checkpoint.gene_names = {"a", "b"};
    checkpoint.counters = {{"complete", 0}, {"joint_steps_done", step}};
    checkpoint.numbers = {{"latent_mean", 0.5}};
    checkpoint.tensors["decoder/weight"] = torch::full({40, 30}, static_cast<double>(step));
    return checkpoint;
}

std::int64_t step_of(const fs::path& path) { return read_checkpoint(path).counters.at("joint_steps_done"); }

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class KeptCheckpoints : public ::testing::Test {
  protected:
    KeptCheckpoints() : folder_(Communicator::self()), last_(folder_ / "last.h5") {
        CheckpointWriter writer(last_, 3, {{"version", "of a test"}});
        for (std::int64_t step = 1; step <= 5; ++step) writer.write(at_step(step));
        writer.finish();
    }
    TemporaryFolder folder_;
    fs::path last_;
};

}  // namespace

TEST_F(KeptCheckpoints, TheLatestAreThereInOrder) {
    EXPECT_EQ(step_of(last_), 5);
    EXPECT_EQ(step_of(previous_checkpoint(last_, 1)), 4);
    EXPECT_EQ(step_of(previous_checkpoint(last_, 2)), 3);
    EXPECT_FALSE(fs::exists(previous_checkpoint(last_, 3)));
    EXPECT_EQ(newest_checkpoint(last_)->path, last_);
    EXPECT_FALSE(newest_checkpoint(folder_ / "none.h5" / "last.h5").has_value());
}

TEST_F(KeptCheckpoints, DamageIsRefusedWithItsReasonAndTheOneBeforeIsTaken) {
    const std::string whole = content_of(last_);
    const auto refused = [&](const std::string& content, const std::string& why) {
        write(last_, content);
        try {
            read_checkpoint(last_);
            FAIL() << "read, though " << why;
        } catch (const InputError& error) {
            EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
        }
        const auto found = newest_checkpoint(last_);
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(found->path, previous_checkpoint(last_, 1));
        ASSERT_EQ(found->skipped.size(), 1U);
        EXPECT_NE(found->skipped[0].find(last_.string()), std::string::npos);
        EXPECT_EQ(step_of(found->path), 4);
    };
    for (std::size_t i = 0; i < 20; ++i) refused(whole.substr(0, whole.size() * i / 20), "last.h5: ");
    refused(whole.substr(0, whole.size() - 1), "cut short");
    for (std::size_t at = kSealBytes; at < whole.size(); at += 131) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        refused(flipped, "damaged");
    }
    fs::remove(last_);
    EXPECT_EQ(newest_checkpoint(last_)->path, previous_checkpoint(last_, 1));
}

TEST_F(KeptCheckpoints, WithoutAReadableOneThereIsAnError) {
    for (const fs::path& path : {last_, previous_checkpoint(last_, 1), previous_checkpoint(last_, 2)})
        write(path, "no longer a checkpoint");
    EXPECT_THROW(newest_checkpoint(last_), InputError);
}

TEST_F(KeptCheckpoints, AnotherFormatVersionIsNamed) {
    {
        Hdf5File file = Hdf5File::open_for_update(last_);
        const std::int64_t later = 999;
        file.write_attribute<std::int64_t>("", "format_version", std::span(&later, 1), true);
        file.close();
    }
    seal_file(last_);
    try {
        read_checkpoint(last_);
        FAIL() << "read";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("of format version 999"), std::string::npos) << error.what();
    }
    EXPECT_EQ(newest_checkpoint(last_)->path, previous_checkpoint(last_, 1));
}

// What cannot be written is known at the next call, and what is there stays.
TEST_F(KeptCheckpoints, AFailedWriteIsToldLaterAndHarmsNothing) {
    CheckpointWriter writer(folder_ / "absent" / "last.h5", 3, {});
    writer.write(at_step(1));
    EXPECT_THROW(writer.finish(), ResourceError);
    EXPECT_EQ(step_of(last_), 5);
}

}  // namespace lapatlas
