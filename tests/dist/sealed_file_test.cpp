#include "dist/sealed_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "tests/support/file_content.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::content_of;
using testing_support::TemporaryFolder;

namespace {

void write(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TEST(SealedFile, EveryFlippedBitAndEveryCutIsSeen) {
    const auto comm = Communicator::self();
    const TemporaryFolder folder(comm);
    const auto path = folder / "f";
    std::mt19937 random(7);
    std::string content(kSealBytes, '\0');
    for (int i = 0; i < 3000; ++i) content += static_cast<char>(random());
    write(path, content);
    EXPECT_FALSE(is_sealed(path));
    EXPECT_FALSE(what_breaks_seal(path).empty());
    seal_file(path);
    EXPECT_TRUE(is_sealed(path));
    EXPECT_EQ(what_breaks_seal(path), "");
    const std::string sealed = content_of(path);
    EXPECT_EQ(sealed.substr(kSealBytes), content.substr(kSealBytes));
    for (std::size_t at = 0; at < sealed.size(); at += at < 2 * kSealBytes ? 1 : 17) {
        std::string flipped = sealed;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
        write(path, flipped);
        EXPECT_NE(what_breaks_seal(path), "") << "byte " << at;
    }
    for (std::size_t size = 0; size < sealed.size(); size += 97) {
        write(path, sealed.substr(0, size));
        EXPECT_NE(what_breaks_seal(path), "") << size << " bytes";
    }
    write(path, sealed + "x");
    EXPECT_NE(what_breaks_seal(path), "");
    EXPECT_NE(what_breaks_seal(folder / "absent"), "");
}

}  // namespace lapatlas
