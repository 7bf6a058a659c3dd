#include "src/denoise/reference_space.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "dist/block_range.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

/// Rows of six cells by three genes: the second never varies, the third has one far value.
CountMatrix rows_of(const BlockRange& mine) {
    const std::vector<std::vector<float>> all{{1, 2, 0}, {3, 2, 0}, {0, 2, 0},
                                              {2, 2, 0}, {0, 2, 0}, {0, 2, 60}};
    CountMatrix matrix;
    matrix.num_genes = 3;
    for (std::int64_t r = mine.begin; r < mine.end; ++r) {
        for (std::int32_t gene = 0; gene < 3; ++gene)
            if (const float x = all[static_cast<std::size_t>(r)][static_cast<std::size_t>(gene)]; x != 0) {
                matrix.gene_indices.push_back(gene);
                matrix.values.push_back(x);
            }
        matrix.row_offsets.push_back(std::ssize(matrix.values));
    }
    return matrix;
}

}  // namespace

TEST(GeneScale, SampleDeviationsAndALimit) {
    const Communicator comm = Communicator::world();
    const CountMatrix matrix = rows_of(block_of_rank(6, comm.size(), comm.rank()));
    const GeneScale scale = gene_scale(comm, MatrixRows(matrix), true, 2);
    EXPECT_FLOAT_EQ(scale.deviation[0], static_cast<float>(std::sqrt(8.0 / 5)));  // mean 1
    EXPECT_FLOAT_EQ(scale.deviation[1], 1);
    EXPECT_FLOAT_EQ(scale.deviation[2], static_cast<float>(std::sqrt(3000.0 / 5)));  // mean 10
    EXPECT_FLOAT_EQ(scale.largest[2], static_cast<float>(10 + 2 * std::sqrt(600.0)));
    const MatrixRows plain(matrix);
    const ScaledRows scaled(plain, scale);
    RowBuffer buffer;
    for (std::int64_t r = 0; r < scaled.num_rows(); ++r) {
        const SparseCounts row = scaled.row(r, buffer);
        for (std::int64_t i = 0; i < row.size; ++i)
            if (row.genes[i] == 2) {
                EXPECT_FLOAT_EQ(row.values[i], scale.largest[2] / scale.deviation[2]);
            }
    }
    const GeneScale none = gene_scale(comm, MatrixRows(matrix), false, 2);
    EXPECT_FLOAT_EQ(none.deviation[2], 1);
    EXPECT_GT(none.largest[2], 1e30F);
}

TEST(Elbow, IsWhereTheSpectrumBends) {
    EXPECT_EQ(elbow(std::vector<double>{10, 9, 8, 1, 0.9, 0.8, 0.7}), 3);
    EXPECT_EQ(elbow(std::vector<double>{5, 1, 0.9, 0.8}), 2);  // two at least
    EXPECT_EQ(elbow(std::vector<double>{5, 4}), 2);
    EXPECT_EQ(elbow(std::vector<double>{3, 3, 3}), 3);
}

TEST(ReferenceSpace, FindsTheFactorsOfAFactorModel) {
    const Communicator comm = Communicator::world();
    constexpr std::int64_t kCells = 400, kGenes = 60, kLatent = 4;
    const PlacedRandom random(9, RandomStream::kSetup);
    std::vector<double> loadings(kGenes * kLatent);
    for (std::int64_t g = 0; g < kGenes; ++g)
        random.fill_normals(static_cast<std::uint64_t>(g), 0, loadings.data() + g * kLatent, kLatent);
    const BlockRange mine = block_of_rank(kCells, comm.size(), comm.rank());
    CountMatrix matrix;
    matrix.num_genes = kGenes;
    for (std::int64_t cell = mine.begin; cell < mine.end; ++cell) {
        double u[kLatent], noise[kGenes];
        random.fill_normals(static_cast<std::uint64_t>(cell), 1, u, kLatent);
        random.fill_normals(static_cast<std::uint64_t>(cell), 2, noise, kGenes);
        for (std::int64_t g = 0; g < kGenes; ++g) {
            double x = 0.3 * noise[g];
            for (std::int64_t j = 0; j < kLatent; ++j)
                x += loadings[static_cast<std::size_t>(g * kLatent + j)] * u[j];
            matrix.gene_indices.push_back(static_cast<std::int32_t>(g));
            matrix.values.push_back(static_cast<float>(x));
        }
        matrix.row_offsets.push_back(std::ssize(matrix.values));
    }
    DenoiseOptions options;
    const auto backend = make_cpu_backend(comm);
    const MatrixRows rows(matrix);
    const ReferenceSpace space = fit_reference_space(*backend, rows, options, 0);
    EXPECT_EQ(space.pca.num_components, kLatent);  // by the elbow
    EXPECT_EQ(space.pca.singular_values.size(), 4U);
    EXPECT_EQ(space.latents, latents_in(space, rows));
    // The four explain all but the noise: 0.09 of a mean variance of 4.
    double explained = 0;
    for (const double variance : space.pca.explained_variance) explained += variance;
    EXPECT_GT(explained / space.pca.total_variance, 0.96);
    options.components = 3;
    EXPECT_EQ(fit_reference_space(*backend, rows, options, 0).pca.num_components, 3);
}

}  // namespace lapatlas
