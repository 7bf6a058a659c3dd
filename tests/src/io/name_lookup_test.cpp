#include "src/io/name_lookup.hpp"

#include <gtest/gtest.h>

#include "dist/block_range.hpp"
#include "dist/communicator.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 41;

std::string name_of(std::int64_t cell) { return std::to_string(cell * cell) + "-cell"; }

}  // namespace

TEST(NameLookup, FindsTheRowsOfAnyRank) {
    const Communicator comm = Communicator::world();
    const BlockRange mine = block_of_rank(kCells, comm.size(), comm.rank());
    std::vector<std::string> names;
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) names.push_back(name_of(cell));
    // Each rank asks for other cells, of which every fourth is nowhere; the first rank for none.
    std::vector<std::string> wanted;
    std::vector<std::int64_t> expected;
    for (std::int64_t i = 0; i < 20 * comm.rank() + (comm.size() == 1 ? 20 : 0); ++i) {
        const std::int64_t cell = (7 * i + comm.rank()) % kCells;
        wanted.push_back(i % 4 == 3 ? "nobody" : name_of(cell));
        expected.push_back(i % 4 == 3 ? -1 : cell);
    }
    EXPECT_EQ(find_by_name(comm, names, mine.begin, wanted), expected);
}

TEST(NameLookup, NamesThatOccurTwiceAreRefusedByTheFirst) {
    const Communicator comm = Communicator::world();
    const BlockRange mine = block_of_rank(kCells, comm.size(), comm.rank());
    std::vector<std::string> names;
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) names.push_back(name_of(cell));
    require_distinct_names(comm, names, "file.h5ad");
    // The last cell is called as the third.
    if (comm.rank() == comm.size() - 1) names.back() = name_of(2);
    try {
        require_distinct_names(comm, names, "file.h5ad");
        ADD_FAILURE() << "taken";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("file.h5ad: the cell name '4-cell' occurs more than once"),
                  std::string::npos)
            << error.what();
    }
}

}  // namespace lapatlas
