#include "src/preprocess/split.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/preprocess/split_file.hpp"
#include "src/random/philox.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

namespace {

/// The block of `comm`'s rank of an atlas whose cell i has label and group by formula.
AtlasShard atlas_block(const Communicator& comm, std::int64_t cells) {
    AtlasShard shard;
    const BlockRange mine = block_of_rank(cells, comm.size(), comm.rank());
    shard.num_cells = cells;
    shard.first_cell = mine.begin;
    shard.label_names = {"a", "b", "rare"};
    const char* groups[] = {"d0", "d1", "d2", "d3", "d4", ""};
    const char* names[] = {"train", "Test", "valid", "training", "val", "VALIDATION"};
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) {
        shard.labels.push_back(cell == 3 ? 2 : static_cast<std::int32_t>(cell % 5 % 3) - 1);
        shard.split_groups.emplace_back(groups[cell * cell % 6]);
        shard.split_values.emplace_back(names[cell % 6]);
        shard.cell_names.emplace_back(1, static_cast<char>('a' + cell % 26));
    }
    return shard;
}

std::vector<Split> all_of(const Communicator& comm, const std::vector<Split>& mine) {
    return all_gather_v<Split>(comm, mine);
}

/// The definition, with everything in one place.
std::vector<Split> reference_split(const AtlasShard& atlas, const InputOptions& options, std::uint64_t seed) {
    const PlacedRandom random(seed, RandomStream::kSplit);
    std::map<std::int32_t, std::vector<std::pair<std::uint64_t, std::size_t>>> strata;
    for (std::size_t cell = 0; cell < atlas.labels.size(); ++cell) {
        const auto words = random.words(cell);
        strata[atlas.labels[cell]].emplace_back(std::uint64_t{words[0]} << 32 | words[1], cell);
    }
    std::vector<Split> split(atlas.labels.size(), Split::kTrain);
    for (auto& [label, cells] : strata) {
        std::sort(cells.begin(), cells.end());
        const double n = static_cast<double>(cells.size());
        const double test = std::min(std::round(options.test_fraction * n), n - 1);
        const double validation =
            std::min(std::round(options.validation_fraction * (n - test)), n - test - 1);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (static_cast<double>(i) < test)
                split[cells[i].second] = Split::kTest;
            else if (static_cast<double>(i) < test + validation)
                split[cells[i].second] = Split::kValidation;
        }
    }
    return split;
}

}  // namespace

TEST(Split, HashedIsTheDefinitionOnAnyNumberOfRanks) {
    const auto comm = Communicator::world();
    for (const std::int64_t cells : {1, 2, 7, 500})
        for (const double test_fraction : {0.0, 0.2, 0.97}) {
            InputOptions options;
            options.test_fraction = test_fraction;
            const auto split = all_of(comm, split_cells(comm, atlas_block(comm, cells), options, 11));
            const auto expected = reference_split(atlas_block(Communicator::self(), cells), options, 11);
            EXPECT_EQ(split, expected) << cells << " cells, " << test_fraction;
        }
}

TEST(Split, SeedMattersAndALoneCellTrains) {
    const auto comm = Communicator::world();
    const InputOptions options;
    const auto one = all_of(comm, split_cells(comm, atlas_block(comm, 500), options, 1));
    const auto two = all_of(comm, split_cells(comm, atlas_block(comm, 500), options, 2));
    EXPECT_NE(one, two);
    EXPECT_EQ(one[3], Split::kTrain);
    EXPECT_EQ(std::count(one.begin(), one.end(), Split::kTest), 100);
    EXPECT_EQ(std::count(one.begin(), one.end(), Split::kValidation), 40);
}

TEST(Split, ColumnIsHonoured) {
    const auto comm = Communicator::world();
    InputOptions options;
    options.split_key = "split";
    const auto split = all_of(comm, split_cells(comm, atlas_block(comm, 14), options, 1));
    const Split expected[] = {Split::kTrain, Split::kTest,       Split::kValidation,
                              Split::kTrain, Split::kValidation, Split::kValidation};
    for (std::size_t cell = 0; cell < 14; ++cell) EXPECT_EQ(split[cell], expected[cell % 6]);

    AtlasShard shard = atlas_block(comm, 14);
    if (comm.rank() == comm.size() - 1) shard.split_values.back() = "fold1";
    try {
        split_cells(comm, shard, options, 1);
        ADD_FAILURE() << "a value that is no part was accepted";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("'n' has 'fold1'"), std::string::npos) << error.what();
    }
}

TEST(Split, GroupsStayTogether) {
    const auto comm = Communicator::world();
    InputOptions options;
    options.split_group_key = "donor";
    const AtlasShard whole = atlas_block(Communicator::self(), 300);
    std::set<std::vector<Split>> seen;
    for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
        const auto split = all_of(comm, split_cells(comm, atlas_block(comm, 300), options, seed));
        EXPECT_EQ(split, split_cells(Communicator::self(), whole, options, seed));
        std::map<std::string, std::set<Split>> parts;
        for (std::size_t cell = 0; cell < split.size(); ++cell)
            parts[whole.split_groups[cell]].insert(split[cell]);
        for (const auto& [group, of_group] : parts) EXPECT_EQ(of_group.size(), 1u) << group;
        for (const Split part : {Split::kTrain, Split::kTest})
            EXPECT_GT(std::count(split.begin(), split.end(), part), 0);
        seen.insert(split);
    }
    EXPECT_GT(seen.size(), 1u);

    AtlasShard shard = atlas_block(comm, 9);
    std::fill(shard.split_groups.begin(), shard.split_groups.end(), "same");
    EXPECT_THROW(split_cells(comm, shard, options, 1), InputError);
}

TEST(Split, SharesOutOfRangeAreRefused) {
    const auto comm = Communicator::world();
    InputOptions options;
    options.test_fraction = 1;
    EXPECT_THROW(split_cells(comm, atlas_block(comm, 9), options, 1), ConfigError);
}

TEST(Split, FileNamesThePartOfEveryCellInTheOrderOfTheInput) {
    const auto comm = Communicator::world();
    const testing_support::TemporaryFolder folder(comm);
    const std::vector<std::string> names{"AAAC-1", "with,comma", "with\"quote"};
    const std::vector<Split> parts{Split::kTrain, Split::kTest, Split::kValidation};
    const std::vector<std::uint8_t> kept{1, 1, 0};
    const BlockRange mine = block_of_rank(3, comm.size(), comm.rank());
    const auto part = [&](const auto& all) {
        return std::vector(all.begin() + mine.begin, all.begin() + mine.end);
    };
    write_split_file(comm, folder / "split.csv", part(names), part(parts), part(kept));
    barrier(comm);
    std::ifstream file(folder / "split.csv");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text, "cell,split\nAAAC-1,train\n\"with,comma\",test\n\"with\"\"quote\",dropped\n");
}

}  // namespace lapatlas
