#include "src/embed/centred_input.hpp"

#include <gtest/gtest.h>

namespace lapatlas {

TEST(CentredInput, HasTheProductsOfTheCentredMatrix) {
    torch::manual_seed(2);
    constexpr std::int64_t kRows = 7, kGenes = 5, kWidth = 3;
    const torch::Tensor dense = torch::relu(torch::randn({kRows, kGenes}));
    SparseInput x;
    x.num_rows = kRows;
    x.num_genes = kGenes;
    x.row_offsets.push_back(0);
    for (std::int64_t r = 0; r < kRows; ++r) {
        for (std::int32_t g = 0; g < kGenes; ++g)
            if (const auto value = dense[r][g].item<float>(); value > 0) {
                x.gene_indices.push_back(g);
                x.values.push_back(value);
            }
        x.row_offsets.push_back(static_cast<std::int64_t>(x.values.size()));
    }
    const torch::Tensor mean = torch::rand({kGenes});
    const auto input = centred(make_sparse_encoder_input(x), mean);
    EXPECT_EQ(input->num_rows(), kRows);
    EXPECT_EQ(input->num_genes(), kGenes);
    const torch::Tensor w = torch::randn({kGenes, kWidth}), y = torch::randn({kRows, kWidth});
    const torch::Tensor by_w = torch::empty({kRows, kWidth}), by_y = torch::empty({kGenes, kWidth});
    input->times(w, by_w);
    input->transposed_times(y, by_y);
    EXPECT_TRUE(torch::allclose(by_w, torch::mm(dense - mean, w), 1e-5, 1e-5));
    EXPECT_TRUE(torch::allclose(by_y, torch::mm((dense - mean).t(), y), 1e-5, 1e-5));
}

}  // namespace lapatlas
