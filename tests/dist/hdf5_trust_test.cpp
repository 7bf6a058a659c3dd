#include "dist/hdf5_trust.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>

#include "dist/error.hpp"
#include "dist/hdf5_crash.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/memory_use.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

std::string refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    return "not refused";
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A file that `make` adds to, closed.
std::filesystem::path file_with(const TemporaryFolder& folder, const std::function<void(Hdf5File&)>& make) {
    const auto path = folder / "f.h5";
    Hdf5File file = Hdf5File::create(path);
    file.create_group("g");
    file.write<float>("g/x", std::vector<float>{1, 2, 3});
    make(file);
    file.close();
    return path;
}

/// Of `length` floats in the file `f`, with a layout of the caller's.
void make_dataset(const Hdf5File& file, const char* name, hsize_t length,
                  const std::function<void(hid_t)>& lay_out) {
    const Hdf5Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    lay_out(layout.get());
    const Hdf5Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
    const Hdf5Handle dataset(
        H5Dcreate2(file.id(), name, H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT),
        H5Dclose);
    ASSERT_TRUE(dataset);
}

}  // namespace

TEST(Hdf5Trust, LinksAreNotFollowedFromAnyCall) {
    const TemporaryFolder folder(Communicator::self());
    { Hdf5File::create(folder / "other.h5").write<float>("x", std::vector<float>{7}); }
    const auto path = file_with(folder, [&](Hdf5File& file) {
        ASSERT_GE(H5Lcreate_soft("/g/x", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT), 0);
        ASSERT_GE(H5Lcreate_external("other.h5", "/", file.id(), "away", H5P_DEFAULT, H5P_DEFAULT), 0);
    });
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<std::function<void()>> calls = {
        [&] { file.read<float>("soft"); },
        [&] { file.shape("soft"); },
        [&] { file.exists("soft"); },
        [&] { file.is_dataset("soft"); },
        [&] { file.string_attribute("soft", "a"); },
        [&] { file.children("away"); },
        [&] { file.exists("away/x"); },
        [&] { file.is_group("away"); },
        [&] { file.read<float>("away/x"); },
        [&] { file.type_class("away/x"); },
    };
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const std::string text = refusal(calls[i]);
        EXPECT_TRUE(says(text, "f.h5: '") && says(text, "which is not followed")) << i << ": " << text;
    }
    EXPECT_TRUE(says(refusal([&] { file.exists("away/x"); }), "a link to another file"));
    EXPECT_EQ(file.read<float>("g/x"), (std::vector<float>{1, 2, 3}));
}

TEST(Hdf5Trust, ValuesInOtherFilesAreNotRead) {
    const TemporaryFolder folder(Communicator::self());
    const auto path = file_with(folder, [&](Hdf5File& file) {
        make_dataset(file, "raw", 4, [](hid_t layout) { H5Pset_external(layout, "/etc/passwd", 0, 16); });
        make_dataset(file, "virtual", 3, [](hid_t layout) {
            const hsize_t length = 3;
            const Hdf5Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
            H5Pset_virtual(layout, space.get(), "other.h5", "x", space.get());
        });
    });
    const Hdf5File file = Hdf5File::open(path);
    for (const char* name : {"raw", "virtual"}) {
        const std::string text = refusal([&] { file.read<float>(name); });
        EXPECT_TRUE(says(text, std::string("'") + name + "' keeps its values in other files")) << text;
    }
}

TEST(Hdf5Trust, ClaimsBeyondWhatIsStoredAreRefusedBeforeMemoryIsTaken) {
    const TemporaryFolder folder(Communicator::self());
    const auto path = file_with(folder, [&](Hdf5File& file) {
        const hsize_t chunk = 1 << 20;
        make_dataset(file, "empty", hsize_t{1} << 50, [&](hid_t layout) { H5Pset_chunk(layout, 1, &chunk); });
        // Zeros shrink a thousandfold: no claim, but the truth.
        file.write<float>("zeros", std::vector<float>(std::size_t{1} << 25), {std::int64_t{1} << 25},
                          {.chunk_rows = 1 << 20, .gzip_level = 9});
    });
    const Hdf5File file = Hdf5File::open(path);
    const std::string text = refusal([&] { file.read<float>("empty"); });
    EXPECT_TRUE(says(text, "'empty' claims") && says(text, "damaged")) << text;
    EXPECT_EQ(file.read<float>("zeros").size(), std::size_t{1} << 25);
}

TEST(Hdf5Crash, EndsWithALineThatNamesTheFile) {
    const std::filesystem::path path = "cells.h5ad";
    const std::string name = "X/data";
    for (const int number : {SIGSEGV, SIGABRT, SIGFPE})
        EXPECT_EXIT(
            {
                contain_hdf5_crashes();
                const hdf5_detail::ReadingHdf5 reading(path, name);
                raise(number);
            },
            ::testing::ExitedWithCode(2), "error: cells.h5ad: libhdf5 crashed reading 'X/data'");
    // A call that does not come back is ended by the processor time that it takes, here of a file that is not
    // there.
    EXPECT_EXIT(
        {
            contain_hdf5_crashes();
            const hdf5_detail::ReadingHdf5 reading(path, name);
            for (volatile bool endless = true; endless;) {
            }
        },
        ::testing::ExitedWithCode(2), "error: cells.h5ad: libhdf5 does not come back from reading 'X/data'");
    EXPECT_EXIT(
        {
            contain_hdf5_crashes();
            { const hdf5_detail::ReadingHdf5 reading(path, name); }
            raise(SIGTERM);
        },
        ::testing::KilledBySignal(SIGTERM), "");
}

TEST(Hdf5Crash, ATextThatClaimsMoreThanItsFileHasTakesNoMemory) {
    if (kHasAddressSanitizer) GTEST_SKIP() << "memory is not limited beside AddressSanitizer's own";
    const TemporaryFolder folder(Communicator::self());
    const auto path = file_with(folder, [](Hdf5File& file) {
        file.write_strings("names", {"CD3E", "MS4A1"});
    });
    std::streamoff place = 0;
    {
        const Hdf5File file = Hdf5File::open(path);
        const Hdf5Handle dataset(H5Dopen2(file.id(), "names", H5P_DEFAULT), H5Dclose);
        place = static_cast<std::streamoff>(H5Dget_offset(dataset.get()));
    }
    // A text of variable length begins with its length, 32 bits.
    const std::uint32_t length = 0xffffff00;
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(place)
        .write(reinterpret_cast<const char*>(&length), sizeof length);
    EXPECT_EXIT(
        {
            contain_hdf5_crashes();
            const StageMemory memory;
            const std::int64_t before = resident_memory();
            std::cerr << refusal([&] { Hdf5File::open(path).read_strings("names"); });
            _exit(memory.peak() - before < 512 << 20 ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "cannot read text from 'names'");
    // Afterwards the process may take what it likes.
    EXPECT_EXIT(
        {
            contain_hdf5_crashes();
            refusal([&] { Hdf5File::open(path).read_strings("names"); });
            _exit(std::vector<char>(std::size_t{1} << 30).size() == std::size_t{1} << 30 ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

}  // namespace lapatlas
