#pragma once

#include <cmath>
#include <string>

#include "src/evaluate/evaluation.hpp"
#include "src/random/philox.hpp"

namespace lapatlas::testing_support {

/// Counts of `num_cells` cells with the given labels: each type raises genes of its own, and a program that
/// varies from cell to cell moves a block of genes together, which independent draws cannot imitate. `shift`
/// exaggerates the types and deepens the libraries.
inline CountMatrix synthetic_counts(const std::vector<std::int32_t>& labels, std::uint64_t seed,
                                    double shift = 0, std::int64_t num_genes = 80) {
    const PlacedRandom random(seed, RandomStream::kSimulate);
    CountMatrix counts;
    counts.num_genes = num_genes;
    for (std::size_t cell = 0; cell < labels.size(); ++cell) {
        const double program = random.normals(cell, 1)[0];
        for (std::int64_t gene = 0; gene < num_genes; ++gene) {
            double log_rate = 0.4 * static_cast<double>(gene % 7) + 0.5 * shift;
            if (gene % 4 == labels[cell]) log_rate += 1 + shift;
            if (gene >= num_genes / 2) log_rate += 0.6 * program * (gene % 2 == 0 ? 1 : -1);
            const double rate = std::exp(log_rate);
            const double drawn = std::floor(
                rate + std::sqrt(rate) * random.normals(cell, 2, static_cast<std::uint32_t>(gene))[0] + 0.5);
            if (drawn < 1) continue;
            counts.gene_indices.push_back(static_cast<std::int32_t>(gene));
            counts.values.push_back(static_cast<float>(drawn));
        }
        counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
    }
    return counts;
}

/// Labels 0, 1, 0, 1, ... with every 20th cell of the rare type 2.
inline std::vector<std::int32_t> synthetic_labels(std::int64_t num_cells) {
    std::vector<std::int32_t> labels;
    for (std::int64_t cell = 0; cell < num_cells; ++cell)
        labels.push_back(cell % 20 == 19 ? 2 : static_cast<std::int32_t>(cell % 2));
    return labels;
}

/// 300 training, 160 test and 160 generated cells of one law.
inline EvaluationInput synthetic_input() {
    EvaluationInput input;
    input.label_names = {"alpha", "beta", "rare"};
    input.train_labels = synthetic_labels(300);
    input.test_labels = synthetic_labels(160);
    input.generated_labels = synthetic_labels(160);
    input.train = synthetic_counts(input.train_labels, 1);
    input.test = synthetic_counts(input.test_labels, 2);
    input.generated = synthetic_counts(input.generated_labels, 3);
    return input;
}

}  // namespace lapatlas::testing_support
