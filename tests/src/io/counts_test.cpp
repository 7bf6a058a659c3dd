#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/count_recovery.hpp"
#include "src/io/near_names.hpp"
#include "src/io/row_assembler.hpp"
#include "src/io/text_exchange.hpp"
#include "src/io/unique_names.hpp"

namespace lapatlas {

namespace {

std::string numbered(std::string prefix, std::int64_t number) {
    prefix += std::to_string(number);
    return prefix;
}

/// Values of a matrix that may hold anything, with names for its cells and genes.
struct Values {
    CountMatrix matrix;
    AtlasShard shard;
};

/// `cells` cells with value(cell, gene) of two genes.
template <class F>
Values values_of(const Communicator& comm, std::int64_t cells, F value) {
    Values values;
    AtlasShard& shard = values.shard;
    const BlockRange mine = block_of_rank(cells, comm.size(), comm.rank());
    shard.num_cells = cells;
    shard.first_cell = mine.begin;
    shard.gene_names = {"g0", "g1"};
    values.matrix.num_genes = 2;
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) {
        shard.cell_names.push_back(numbered("c", cell));
        for (int gene = 0; gene < 2; ++gene) {
            values.matrix.gene_indices.push_back(gene);
            values.matrix.values.push_back(value(cell, gene));
        }
        values.matrix.row_offsets.push_back(static_cast<std::int64_t>(values.matrix.values.size()));
    }
    return values;
}

std::string refusal(const Communicator& comm, const Values& values) {
    try {
        check_counts(comm, values.matrix, values.shard, "file", [] { return std::string("; advice"); });
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST(CountCheck, NamesTheFirstOffenderInGlobalOrder) {
    const auto comm = Communicator::world();
    const auto bad_from = [&](std::int64_t first, float bad) {
        return values_of(
            comm, 9, [=](std::int64_t cell, int gene) { return cell >= first && gene == 1 ? bad : 2.0f; });
    };
    EXPECT_EQ(refusal(comm, bad_from(9, 0)), "");
    EXPECT_EQ(refusal(comm, bad_from(4, -1)),
              "file: cell 'c4' (row 4), gene 'g1': value -1.000000 is negative; counts must be whole numbers "
              ">= 0; advice");
    EXPECT_NE(refusal(comm, bad_from(8, 0.5f)).find("'c8' (row 8), gene 'g1': value 0.500000 is not whole"),
              std::string::npos);
    EXPECT_NE(refusal(comm, bad_from(0, std::nanf(""))).find("is not a number"), std::string::npos);
    EXPECT_NE(refusal(comm, bad_from(2, std::numeric_limits<float>::infinity())).find("is infinite"),
              std::string::npos);
    EXPECT_NE(refusal(comm, bad_from(2, 33554432.0f)).find("too large"), std::string::npos);
    const bool is_last = comm.rank() == comm.size() - 1;
    EXPECT_EQ(all_are_counts(bad_from(8, 0.5f).matrix), !is_last);
    EXPECT_TRUE(all_are_counts(bad_from(9, 0.5f).matrix));
}

TEST(CountRecovery, ByTotalsBySmallestAndNotAtAll) {
    const auto comm = Communicator::world();
    const auto count_of = [](std::int64_t cell, int gene) {
        return gene == 0 ? 1.0 : static_cast<double>(1 + cell % 50);
    };
    const auto total_of = [&](std::int64_t cell) { return 1000.0 + static_cast<double>(37 * cell); };
    const auto logged = [&](double rounded_to) {
        return values_of(comm, 60, [=](std::int64_t cell, int gene) {
            const double x = std::log1p(count_of(cell, gene) * 1e4 / total_of(cell));
            return static_cast<float>(rounded_to > 0 ? std::round(x / rounded_to) * rounded_to : x);
        });
    };
    const Values expected = values_of(
        comm, 60, [=](std::int64_t cell, int gene) { return static_cast<float>(count_of(cell, gene)); });
    for (const double rounded_to : {0.0, 1e-3}) {
        Values values = logged(rounded_to);
        CellTotals totals{"n_counts", {}};
        for (std::size_t row = 0; row < values.shard.cell_names.size(); ++row)
            totals.values.push_back(total_of(values.shard.first_cell + static_cast<std::int64_t>(row)));
        const Recovery by_totals =
            recover_counts(comm, values.matrix, std::span(&totals, 1), values.shard.cell_names);
        EXPECT_TRUE(by_totals.recovered) << by_totals.why_not;
        EXPECT_EQ(by_totals.how, "expm1(x) * obs 'n_counts' / 10000");
        EXPECT_EQ(values.matrix.values, expected.matrix.values);

        values = logged(rounded_to);
        for (double& total : totals.values) total *= 1.37;  // totals of something else must not be believed
        const Recovery by_smallest =
            recover_counts(comm, values.matrix, std::span(&totals, 1), values.shard.cell_names);
        EXPECT_TRUE(by_smallest.recovered) << by_smallest.why_not;
        EXPECT_EQ(values.matrix.values, expected.matrix.values);
    }
    Values values = values_of(comm, 60, [=](std::int64_t cell, int gene) {
        return static_cast<float>(std::log1p(count_of(cell, gene) + (cell >= 33 && gene == 1 ? 0.4 : 0.0)));
    });
    const std::vector<float> before = values.matrix.values;
    const Recovery none = recover_counts(comm, values.matrix, {}, values.shard.cell_names);
    EXPECT_FALSE(none.recovered);
    EXPECT_NE(none.why_not.find("'c33'"), std::string::npos) << none.why_not;
    EXPECT_EQ(values.matrix.values, before);
}

TEST(RowAssembler, SortsAddsUpAndDropsZeros) {
    RowAssembler rows(10, 3, 5);
    rows.add(std::vector<MatrixEntry>{{12, 4, 1}, {10, 3, 2}, {12, 0, 0}});
    rows.add(std::vector<MatrixEntry>{{10, 1, 5}, {12, 4, 2}, {10, 3, -2}});
    CountMatrix counts = rows.finish();
    EXPECT_EQ(tidy_rows(counts), 2);
    EXPECT_EQ(counts.row_offsets, (std::vector<std::int64_t>{0, 1, 1, 2}));
    EXPECT_EQ(counts.gene_indices, (std::vector<std::int32_t>{1, 4}));
    EXPECT_EQ(counts.values, (std::vector<float>{5, 3}));
}

TEST(UniqueNames, AsAnndataDoes) {
    std::vector<std::string> names{"a", "a", "b", "a-1", "a", "b"};
    EXPECT_EQ(make_names_unique(names), 3);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "a-2", "b", "a-1", "a-3", "b-1"}));
}

TEST(UniqueNames, DealtNamesAsTogether) {
    const auto comm = Communicator::world();
    for (const int kinds : {1, 5, 1000}) {
        std::vector<std::string> all;
        for (int i = 0; i < 50; ++i) {
            all.push_back(numbered("x", i * i % kinds));
            if (i % 7 == 0) all.back() += "-1";
        }
        const BlockRange mine = block_of_rank(50, comm.size(), comm.rank());
        std::vector<std::string> dealt(all.begin() + mine.begin, all.begin() + mine.end);
        const std::int64_t renamed = make_names_unique(comm, dealt);
        EXPECT_EQ(renamed, make_names_unique(all));
        EXPECT_EQ(dealt, std::vector<std::string>(all.begin() + mine.begin, all.begin() + mine.end));
    }
    std::vector<std::string> few;  // fewer names than ranks
    if (comm.rank() == comm.size() - 1) few = {"a", "a"};
    EXPECT_EQ(make_names_unique(comm, few), 1);
}

TEST(TextExchange, CodesIntoTheSortedUnion) {
    const auto comm = Communicator::world();
    const std::string own = numbered("r", comm.rank());
    const EncodedTexts encoded = encode_texts(comm, {own, "", "all"});
    EXPECT_EQ(encoded.categories.size(), static_cast<std::size_t>(comm.size()) + 1);
    EXPECT_EQ(encoded.codes, (std::vector<std::int32_t>{comm.rank() + 1, -1, 0}));
}

TEST(NearNames, SuggestsOrLists) {
    EXPECT_EQ(suggest_names("celltype", {"batch", "cell_type"}), "; did you mean 'cell_type'?");
    EXPECT_EQ(suggest_names("zzzz", {"batch", "donor"}), "; there are: 'batch', 'donor'");
    EXPECT_EQ(suggest_names("x", {}), "; there are none");
}

}  // namespace lapatlas
