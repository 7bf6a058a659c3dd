#include "src/preprocess/pca.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <Eigen/Dense>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/preprocess/normalise.hpp"
#include "src/preprocess/tall_matrix.hpp"
#include "tests/src/preprocess/random_counts.hpp"

namespace lapatlas {

namespace {

CountMatrix my_rows(const Communicator& comm, std::int64_t num_rows, std::int64_t num_genes) {
    return log_normalise(random_counts(block_of_rank(num_rows, comm.size(), comm.rank()), num_genes), 1e3);
}

Eigen::MatrixXd dense_centred(const CountMatrix& rows) {
    Eigen::MatrixXd dense = Eigen::MatrixXd::Zero(rows.num_rows(), rows.num_genes);
    for (std::size_t row = 0; row + 1 < rows.row_offsets.size(); ++row)
        for (auto i = rows.row_offsets[row]; i < rows.row_offsets[row + 1]; ++i)
            dense(static_cast<Eigen::Index>(row), rows.gene_indices[static_cast<std::size_t>(i)]) =
                rows.values[static_cast<std::size_t>(i)];
    return dense.rowwise() - dense.colwise().mean();
}

Eigen::Map<const RowMatrix> loadings_of(const Pca& pca) {
    return {pca.loadings.data(), pca.num_genes, pca.num_components};
}

}  // namespace

TEST(Pca, AgreesWithADenseSingularValueDecomposition) {
    const auto comm = Communicator::world();
    const std::int64_t num_rows = 300, num_genes = 170, p = 12;
    const PcaResult result = pca(comm, my_rows(comm, num_rows, num_genes), {.components = p, .seed = 3});
    const Eigen::MatrixXd dense = dense_centred(my_rows(Communicator::self(), num_rows, num_genes));
    const Eigen::BDCSVD<Eigen::MatrixXd> reference(dense, Eigen::ComputeThinU | Eigen::ComputeThinV);

    EXPECT_TRUE(result.pca.converged);
    EXPECT_EQ(result.pca.num_components, p);
    for (std::int64_t i = 0; i < p; ++i)
        EXPECT_NEAR(result.pca.singular_values[static_cast<std::size_t>(i)], reference.singularValues()[i],
                    1e-8 * reference.singularValues()[i]);
    const RowMatrix loadings = loadings_of(result.pca);
    EXPECT_LT((loadings.transpose() * loadings - Eigen::MatrixXd::Identity(p, p)).norm(), 1e-10);
    // The sines of the angles between the two subspaces.
    const Eigen::MatrixXd axes = reference.matrixV().leftCols(p);
    EXPECT_LT((axes - loadings * (loadings.transpose() * axes)).norm(), 1e-3);
    EXPECT_NEAR(result.pca.total_variance, dense.squaredNorm() / (num_rows - 1), 1e-9 * dense.squaredNorm());
    EXPECT_NEAR(result.pca.explained_variance[0], std::pow(reference.singularValues()[0], 2) / (num_rows - 1),
                1e-8);

    const BlockRange mine = block_of_rank(num_rows, comm.size(), comm.rank());
    const Eigen::Map<const RowMatrix> scores(result.scores.data(), mine.size(), p);
    EXPECT_LT((scores - dense.middleRows(mine.begin, mine.size()) * loadings).norm(), 1e-9);
}

TEST(Pca, IsTheSameBitForBitOnAnyRanksAndThreads) {
    const auto comm = Communicator::world();
    for (const std::int64_t num_rows : {3, 257}) {
        const PcaOptions options{.components = 8, .seed = 5};
        const PcaResult distributed = pca(comm, my_rows(comm, num_rows, 140), options);
        omp_set_num_threads(3);
        const PcaResult alone =
            pca(Communicator::self(), my_rows(Communicator::self(), num_rows, 140), options);
        omp_set_num_threads(1);
        EXPECT_EQ(distributed.pca.mean, alone.pca.mean);
        EXPECT_EQ(distributed.pca.singular_values, alone.pca.singular_values);
        EXPECT_EQ(distributed.pca.loadings, alone.pca.loadings);
        EXPECT_EQ(all_gather_v<double>(comm, distributed.scores), alone.scores);
    }
}

TEST(Pca, CutsTheBasisBackAndStillConverges) {
    // 60 genes of nearly equal variance: no gap to hold on to.
    CountMatrix noise;
    noise.num_genes = 300;
    const auto comm = Communicator::world();
    const BlockRange range = block_of_rank(900, comm.size(), comm.rank());
    const PlacedRandom random(9, RandomStream::kSimulate);
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        for (std::int32_t gene = 0; gene < 300; ++gene) {
            noise.gene_indices.push_back(gene);
            noise.values.push_back(static_cast<float>(
                random.normals(static_cast<std::uint64_t>(row), 0, static_cast<std::uint32_t>(gene))[0]));
        }
        noise.row_offsets.push_back(static_cast<std::int64_t>(noise.values.size()));
    }
    const PcaResult result = pca(comm, noise, {.components = 10, .seed = 1});
    EXPECT_TRUE(result.pca.converged);
    EXPECT_GT(result.pca.num_products, 5);
    CountMatrix all = noise;
    all.gene_indices = all_gather_v<std::int32_t>(comm, noise.gene_indices);
    all.values = all_gather_v<float>(comm, noise.values);
    all.row_offsets.resize(901);
    for (std::size_t i = 0; i <= 900; ++i) all.row_offsets[i] = static_cast<std::int64_t>(i) * 300;
    const Eigen::BDCSVD<Eigen::MatrixXd> reference(dense_centred(all));
    for (std::int64_t i = 0; i < 10; ++i)
        EXPECT_NEAR(result.pca.singular_values[static_cast<std::size_t>(i)], reference.singularValues()[i],
                    1e-6 * reference.singularValues()[i]);
}

TEST(Pca, LowersTheNumberOfComponentsToTheRank) {
    const auto comm = Communicator::world();
    // Three different cells, each four times: rank two once centred.
    const BlockRange range = block_of_rank(12, comm.size(), comm.rank());
    CountMatrix local;
    local.num_genes = 30;
    const CountMatrix three = random_counts({0, 3}, 30);
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        const std::size_t source = static_cast<std::size_t>(row % 3);
        for (auto i = three.row_offsets[source]; i < three.row_offsets[source + 1]; ++i) {
            local.gene_indices.push_back(three.gene_indices[static_cast<std::size_t>(i)]);
            local.values.push_back(three.values[static_cast<std::size_t>(i)]);
        }
        local.row_offsets.push_back(static_cast<std::int64_t>(local.values.size()));
    }
    const PcaResult result = pca(comm, local, {.components = 9, .seed = 1});
    EXPECT_EQ(result.pca.num_components, 2);
    EXPECT_EQ(result.scores.size(), static_cast<std::size_t>(2 * range.size()));
    EXPECT_NEAR(result.pca.explained_variance[0] + result.pca.explained_variance[1],
                result.pca.total_variance, 1e-9 * result.pca.total_variance);
}

TEST(Pca, OneAxisByHand) {
    // Gene 1 is 0, 1, 2, 3 and gene 0 twice that: s^2 = 5 * (1 + 4), the axis is (2, 1) / sqrt(5).
    const auto comm = Communicator::world();
    const BlockRange range = block_of_rank(4, comm.size(), comm.rank());
    CountMatrix local;
    local.num_genes = 2;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        if (row > 0) {
            local.gene_indices.insert(local.gene_indices.end(), {0, 1});
            local.values.insert(local.values.end(),
                                {2.0f * static_cast<float>(row), static_cast<float>(row)});
        }
        local.row_offsets.push_back(static_cast<std::int64_t>(local.values.size()));
    }
    const PcaResult result = pca(comm, local, {.components = 2, .seed = 1});
    ASSERT_EQ(result.pca.num_components, 1);
    EXPECT_NEAR(result.pca.singular_values[0], 5.0, 1e-12);
    EXPECT_NEAR(result.pca.loadings[0], 2 / std::sqrt(5.0), 1e-12);
    EXPECT_NEAR(result.pca.loadings[1], 1 / std::sqrt(5.0), 1e-12);
    for (std::int64_t row = range.begin; row < range.end; ++row)
        EXPECT_NEAR(result.scores[static_cast<std::size_t>(row - range.begin)],
                    (static_cast<double>(row) - 1.5) * std::sqrt(5.0), 1e-12);
    const std::vector<double> projected = project(local, result.pca);
    EXPECT_EQ(projected, result.scores);
}

TEST(Pca, CellsThatDoNotVaryAreTheUsersError) {
    const auto comm = Communicator::world();
    const BlockRange range = block_of_rank(6, comm.size(), comm.rank());
    CountMatrix same;
    same.num_genes = 2;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        same.gene_indices.insert(same.gene_indices.end(), {0, 1});
        same.values.insert(same.values.end(), {0.1f, 0.7f});
        same.row_offsets.push_back(static_cast<std::int64_t>(same.values.size()));
    }
    EXPECT_THROW(pca(comm, same, {.components = 1}), InputError);
    CountMatrix none;
    none.num_genes = 2;
    EXPECT_THROW(pca(comm, none, {.components = 1}), InputError);
}

}  // namespace lapatlas
