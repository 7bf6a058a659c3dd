#include <gtest/gtest.h>

#include <array>

#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/io/atlas_reader.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

/// Three cells of four features in Cell Ranger's version 3; each column of the features of its own length.
std::filesystem::path tenx_file(const testing_support::TemporaryFolder& folder, std::size_t ids,
                                std::size_t names, std::size_t types) {
    const auto path = folder / "cells.h5";
    Hdf5File file = Hdf5File::create(path);
    file.create_group("matrix");
    file.create_group("matrix/features");
    file.write_strings("matrix/barcodes", {"AAAC-1", "AAAG-1", "AAAT-1"});
    file.write<float>("matrix/data", std::vector<float>{2, 1, 5, 3});
    file.write<std::int64_t>("matrix/indices", std::vector<std::int64_t>{0, 2, 3, 1});
    file.write<std::int64_t>("matrix/indptr", std::vector<std::int64_t>{0, 2, 3, 4});
    file.write<std::int64_t>("matrix/shape", std::vector<std::int64_t>{4, 3});
    file.write_strings("matrix/features/id", std::vector<std::string>(ids, "ENSG"));
    file.write_strings("matrix/features/name", std::vector<std::string>(names, "gene"));
    file.write_strings("matrix/features/feature_type", std::vector<std::string>(types, "Gene Expression"));
    file.close();
    return path;
}

}  // namespace

TEST(TenxH5, ColumnsOfFeaturesThatDoNotFitAreRefused) {
    const Communicator comm = Communicator::self();
    const testing_support::TemporaryFolder folder(comm);
    Log log = Log::silent();
    InputOptions options;
    options.path = tenx_file(folder, 4, 4, 4).string();
    EXPECT_EQ(read_atlas(comm, options, log).counts.num_nonzeros(), 4);
    const std::pair<std::array<std::size_t, 3>, const char*> wrong[] = {
        {{3, 4, 4}, "id"}, {{4, 5, 4}, "name"}, {{4, 4, 2}, "feature_type"}, {{4, 4, 0}, "feature_type"}};
    for (const auto& [lengths, column] : wrong) {
        tenx_file(folder, lengths[0], lengths[1], lengths[2]);
        try {
            read_atlas(comm, options, log);
            ADD_FAILURE() << column << ": read";
        } catch (const InputError& error) {
            EXPECT_NE(std::string(error.what()).find(std::string("'matrix/features/") + column + "' has"),
                      std::string::npos)
                << error.what();
        }
    }
}

}  // namespace lapatlas
