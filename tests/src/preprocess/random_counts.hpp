#pragma once

#include <cmath>
#include <cstdint>

#include "dist/block_range.hpp"
#include "src/io/count_matrix.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

/// Rows `range` of a made-up count matrix with a few cell types and many zeros; row r is the same whoever
/// makes it.
inline CountMatrix random_counts(BlockRange range, std::int64_t num_genes, std::uint64_t seed = 1) {
    const PlacedRandom random(seed, RandomStream::kSimulate);
    CountMatrix counts;
    counts.num_genes = num_genes;
    for (std::int64_t row = range.begin; row < range.end; ++row) {
        const double depth = std::exp(0.4 * random.normals(static_cast<std::uint64_t>(row), 1)[0]);
        for (std::int64_t gene = 0; gene < num_genes; ++gene) {
            const auto place = static_cast<std::uint32_t>(gene);
            const double level = std::exp(random.normals(static_cast<std::uint64_t>(gene), 2)[0]);
            const bool marker = gene % 5 == row % 5;
            const double mean = depth * level * (marker ? 3.0 : 0.5);
            const double count =
                std::floor(-mean * std::log(random.uniform(static_cast<std::uint64_t>(row), 3, place)));
            if (count <= 0) continue;
            counts.gene_indices.push_back(static_cast<std::int32_t>(gene));
            counts.values.push_back(static_cast<float>(count));
        }
        counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
    }
    return counts;
}

}  // namespace lapatlas
