#include "src/simulate/simulator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas {

using testing_support::TemporaryFolder;

namespace {

SimulateOptions small_options() {
    SimulateOptions options;
    options.cells = 37;
    options.genes = 60;
    options.types = 5;
    options.batches = 3;
    options.median_counts = 200;
    options.label_missing_fraction = 0.2;
    return options;
}

double probability(std::int64_t count, double mean, double dispersion) {
    const double size = 1 / dispersion, k = static_cast<double>(count);
    return std::exp(std::lgamma(k + size) - std::lgamma(size) - std::lgamma(k + 1) -
                    size * std::log1p(mean / size) + k * std::log(mean / (mean + size)));
}

}  // namespace

/// Uniform positions on a fine grid must hit every count as often as its probability says.
TEST(NegativeBinomial, InversionHasTheDistribution) {
    constexpr int kPositions = 50000;
    for (const double mean : {0.003, 0.7, 12.0, 63.9, 64.1, 900.0})
        for (const double dispersion : {0.01, 0.16}) {
            std::vector<int> times;
            for (int i = 0; i < kPositions; ++i) {
                const auto count = static_cast<std::size_t>(
                    negative_binomial_by_inversion((i + 0.5) / kPositions, mean, dispersion));
                if (count >= times.size()) times.resize(count + 1, 0);
                ++times[count];
            }
            for (std::size_t count = 0; count < times.size(); ++count)
                EXPECT_NEAR(static_cast<double>(times[count]) / kPositions,
                            probability(static_cast<std::int64_t>(count), mean, dispersion), 1.1 / kPositions)
                    << mean << " " << dispersion << " " << count;
        }
    EXPECT_GT(negative_binomial_by_inversion(1 - 1e-16, 30, 0.1), 60);  // ends in the far tail
}

TEST(Simulator, AnyBlockIsTheSameCells) {
    const Simulator simulator(small_options(), 3);
    const SimulatedBlock whole = simulator.block(0, 37);
    const SimulatedBlock part = simulator.block(10, 5);
    const auto begin = whole.counts.row_offsets[10], end = whole.counts.row_offsets[15];
    EXPECT_EQ(part.counts.values,
              std::vector<float>(whole.counts.values.begin() + begin, whole.counts.values.begin() + end));
    EXPECT_EQ(part.counts.gene_indices, std::vector<std::int32_t>(whole.counts.gene_indices.begin() + begin,
                                                                  whole.counts.gene_indices.begin() + end));
    EXPECT_EQ(part.types, std::vector<std::int32_t>(whole.types.begin() + 10, whole.types.begin() + 15));
    EXPECT_NE(Simulator(small_options(), 4).block(10, 5).counts.values, part.counts.values);
}

/// Mean and variance of each gene within a type and batch follow the negative binomial mixed over libraries.
TEST(Simulator, MomentsAndFrequenciesAreAsStated) {
    SimulateOptions options = small_options();
    options.types = 3;
    options.batches = 2;
    const Simulator simulator(options, 8);
    const std::int64_t cells = 8000;
    const SimulatedBlock block = simulator.block(0, cells);
    const auto genes = static_cast<std::size_t>(options.genes);
    std::vector<double> sum(genes, 0), expected(genes, 0), variance(genes, 0), squares(genes, 0);
    std::vector<double> log_libraries;
    std::vector<std::int64_t> of_type(3, 0);
    for (std::size_t cell = 0; cell < static_cast<std::size_t>(cells); ++cell) {
        ++of_type[static_cast<std::size_t>(block.types[cell])];
        EXPECT_TRUE(block.labels[cell] == block.types[cell] || block.labels[cell] == -1);
        log_libraries.push_back(std::log(static_cast<double>(block.libraries[cell])));
        std::vector<double> counts(genes, 0);
        for (auto i = block.counts.row_offsets[cell]; i < block.counts.row_offsets[cell + 1]; ++i)
            counts[static_cast<std::size_t>(block.counts.gene_indices[static_cast<std::size_t>(i)])] =
                static_cast<double>(block.counts.values[static_cast<std::size_t>(i)]);
        const float* shares = simulator.profile(block.types[cell], block.batches[cell]);
        for (std::size_t gene = 0; gene < genes; ++gene) {
            const double mean =
                static_cast<double>(block.libraries[cell]) * static_cast<double>(shares[gene]);
            const double dispersion =
                static_cast<double>(simulator.dispersion(static_cast<std::int64_t>(gene)));
            sum[gene] += counts[gene];
            expected[gene] += mean;
            variance[gene] += mean + dispersion * mean * mean;
            squares[gene] += (counts[gene] - mean) * (counts[gene] - mean);
        }
    }
    double chi_squared = 0;
    for (std::size_t gene = 0; gene < genes; ++gene) {
        chi_squared += (sum[gene] - expected[gene]) * (sum[gene] - expected[gene]) / variance[gene];
        if (expected[gene] > 800) {
            EXPECT_NEAR(squares[gene] / variance[gene], 1, 0.25) << gene;
        }
        const double bcv =
            std::sqrt(static_cast<double>(simulator.dispersion(static_cast<std::int64_t>(gene))));
        EXPECT_TRUE(bcv > 0.07 && bcv < 0.6) << bcv;
    }
    EXPECT_LT(chi_squared, 60 + 4 * std::sqrt(2 * 60.0));
    const double normal = 1 + 1 / std::sqrt(2.0) + 1 / std::sqrt(3.0);
    EXPECT_NEAR(static_cast<double>(of_type[0]) / static_cast<double>(cells), 1 / normal, 0.02);
    const auto missing = std::count(block.labels.begin(), block.labels.end(), -1);
    EXPECT_NEAR(static_cast<double>(missing) / static_cast<double>(cells), 0.2, 0.02);
    std::sort(log_libraries.begin(), log_libraries.end());
    EXPECT_NEAR(log_libraries[static_cast<std::size_t>(cells) / 2], std::log(200.0), 0.02);
}

/// What 10x data look like: few entries, and types that differ in their programs.
TEST(Simulator, SparseLikeDropletData) {
    SimulateOptions options;
    options.genes = 20000;
    options.types = 4;
    const Simulator simulator(options, 1);
    const SimulatedBlock block = simulator.block(0, 50);
    const double density = static_cast<double>(block.counts.num_nonzeros()) / (50.0 * 20000.0);
    EXPECT_GT(density, 0.03);
    EXPECT_LT(density, 0.10);
    std::int64_t changed = 0;
    for (std::int64_t gene = 0; gene < options.genes; ++gene)
        if (std::abs(std::log(simulator.profile(0, 0)[gene] / simulator.profile(3, 0)[gene])) > 0.7f)
            ++changed;
    EXPECT_GT(changed, 1000);
    EXPECT_LT(changed, 5000);
}

/// Programs move genes within a type, by as much as stated, and neither their means nor libraries.
TEST(Simulator, ProgramsVaryWithinATypeAndKeepMeans) {
    SimulateOptions options = small_options();
    options.genes = 400;
    options.programs = 6;
    const Simulator simulator(options, 11);
    constexpr int kCells = 4000;
    const float* of_type = simulator.profile(2, 1);
    std::vector<double> sum(400, 0), squares(400, 0);
    for (std::uint64_t cell = 0; cell < kCells; ++cell) {
        std::vector<float> shares(of_type, of_type + 400);
        simulator.move_shares(cell, shares);
        double total = 0;
        for (std::size_t gene = 0; gene < 400; ++gene) {
            total += static_cast<double>(shares[gene]);
            const double log_fold = std::log(static_cast<double>(shares[gene] / of_type[gene]));
            sum[gene] += static_cast<double>(shares[gene]);
            squares[gene] += log_fold * log_fold;
        }
        EXPECT_NEAR(total, 1, 1e-5);
    }
    // One gene in four is touched (1 - .95^6 = .26), by log folds of .6 a program; the rest follow what is
    // left of a library.
    int touched = 0;
    double fold = 0;
    for (std::size_t gene = 0; gene < 400; ++gene) {
        EXPECT_NEAR(sum[gene] / kCells, static_cast<double>(of_type[gene]),
                    0.15 * static_cast<double>(of_type[gene]))
            << gene;
        if (squares[gene] / kCells < 0.02) continue;
        ++touched;
        fold += squares[gene] / kCells;
    }
    EXPECT_NEAR(touched, 0.26 * 400, 40);
    EXPECT_NEAR(std::sqrt(fold / touched), 0.65, 0.2);
    const SimulatedBlock with = simulator.block(0, 37);
    EXPECT_EQ(with.types, Simulator(small_options(), 11).block(0, 37).types);
    EXPECT_EQ(simulator.block(5, 3).counts.num_nonzeros(),
              with.counts.row_offsets[8] - with.counts.row_offsets[5]);
}

TEST(Simulator, OptionsOutOfRangeAreRefused) {
    for (const auto& spoil : std::vector<void (*)(SimulateOptions&)>{
             [](SimulateOptions& o) { o.cells = 0; }, [](SimulateOptions& o) { o.genes = 0; },
             [](SimulateOptions& o) { o.types = 0; }, [](SimulateOptions& o) { o.batches = 0; },
             [](SimulateOptions& o) { o.median_counts = 0; },
             [](SimulateOptions& o) { o.label_missing_fraction = 2; }}) {
        SimulateOptions options;
        spoil(options);
        EXPECT_THROW(Simulator(options, 1), ConfigError);
    }
}

TEST(SimulateAtlas, FileIsTheSameOnAnyNumberOfRanks) {
    const auto comm = Communicator::world();
    const TemporaryFolder folder(comm);
    Log log = Log::silent();
    for (const std::int64_t cells : {2, 37}) {
        SimulateOptions options = small_options();
        options.cells = cells;
        const auto path = folder / (std::to_string(cells) + ".h5ad");
        simulate_atlas(comm, options, 6, path, log, {{"version", "0"}});
        const SimulatedBlock expected = simulate_block(options, 6, 0, cells);
        const Hdf5File file = Hdf5File::open(path);
        EXPECT_EQ(file.read<float>("X/data"), expected.counts.values);
        EXPECT_EQ(file.read<std::int32_t>("X/indices"), expected.counts.gene_indices);
        EXPECT_EQ(file.read<std::int64_t>("X/indptr"), expected.counts.row_offsets);
        EXPECT_EQ(file.read<std::int32_t>("obs/cell_type/codes"), expected.labels);
        EXPECT_EQ(file.read<std::int32_t>("obs/batch/codes"), expected.batches);
        EXPECT_EQ(file.read<float>("obs/library_size"), expected.libraries);
        EXPECT_EQ(file.read_string("uns/lapatlas/simulate/cells"), std::to_string(cells));
        EXPECT_EQ(file.read_string("uns/lapatlas/seed"), "6");
        EXPECT_EQ(file.read_string("uns/lapatlas/version"), "0");
        barrier(comm);
    }
}

}  // namespace lapatlas
