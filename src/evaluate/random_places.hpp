#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "src/random/philox.hpp"

namespace lapatlas {

/// What a draw of RandomStream::kEvaluate is for; part of its place, so that no two uses meet.
enum class EvaluationDraw : std::uint32_t {
    kTestHalves = 0,
    kGeneratedCells,
    kTrainingCells,
    kPublishedTest,
    kPublishedGenerated,
    kFolds,
    kForest,
    kMarginals,
    kRareGenerated,
};

/// The `step` of the place of a draw in halving `halving`.
inline std::uint32_t evaluation_step(EvaluationDraw draw, std::int64_t halving = 0) {
    return static_cast<std::uint32_t>(halving) * 16u + static_cast<std::uint32_t>(draw);
}

/// `rows` in a random order that depends on the seed, the step and the row numbers only.
inline std::vector<std::int64_t> shuffled(const std::vector<std::int64_t>& rows, const PlacedRandom& random,
                                          std::uint32_t step) {
    std::vector<std::pair<std::uint64_t, std::int64_t>> keyed;
    keyed.reserve(rows.size());
    for (const std::int64_t row : rows) {
        const auto words = random.words(static_cast<std::uint64_t>(row), step);
        keyed.emplace_back(std::uint64_t{words[0]} << 32 | words[1], row);
    }
    std::sort(keyed.begin(), keyed.end());
    std::vector<std::int64_t> order;
    order.reserve(rows.size());
    for (const auto& [key, row] : keyed) order.push_back(row);
    return order;
}

}  // namespace lapatlas
