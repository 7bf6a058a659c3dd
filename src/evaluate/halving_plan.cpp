#include "src/evaluate/halving_plan.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "src/evaluate/random_places.hpp"

namespace lapatlas {
namespace {

using Rows = std::vector<std::int64_t>;

/// Rows of each compared type, ascending.
std::vector<Rows> rows_by_type(const std::vector<std::int32_t>& labels,
                               const std::vector<std::int32_t>& types, bool use_labels) {
    std::map<std::int32_t, std::size_t> place;
    for (std::size_t c = 0; c < types.size(); ++c) place[types[c]] = c;
    std::vector<Rows> rows(types.size());
    for (std::size_t row = 0; row < labels.size(); ++row) {
        const auto found = place.find(use_labels ? labels[row] : -1);
        if (found != place.end()) rows[found->second].push_back(static_cast<std::int64_t>(row));
    }
    return rows;
}

Rows sizes(const std::vector<Rows>& rows) {
    Rows counts;
    for (const Rows& of_type : rows) counts.push_back(static_cast<std::int64_t>(of_type.size()));
    return counts;
}

/// Scales `counts` down to at most `limit` together.
Rows limited(const Rows& counts, std::int64_t limit) {
    const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    return total <= limit ? counts : apportion(limit, counts);
}

Rows offsets(const Rows& counts) {
    Rows result{0};
    for (const std::int64_t count : counts) result.push_back(result.back() + count);
    return result;
}

/// counts[c] random rows of each type, in type order.
Rows draw(const std::vector<Rows>& rows, const Rows& counts, const PlacedRandom& random, std::uint32_t step) {
    Rows drawn;
    for (std::size_t c = 0; c < rows.size(); ++c) {
        const Rows order = shuffled(rows[c], random, step);
        drawn.insert(drawn.end(), order.begin(), order.begin() + counts[c]);
    }
    return drawn;
}

}  // namespace

std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<std::int64_t>& weights) {
    const std::int64_t sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    Rows shares(weights.size(), 0);
    if (sum == 0) return shares;
    std::vector<std::pair<std::int64_t, std::size_t>> remainders;
    std::int64_t left = total;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        shares[i] = total * weights[i] / sum;
        left -= shares[i];
        remainders.emplace_back(-(total * weights[i] % sum), i);
    }
    std::sort(remainders.begin(), remainders.end());
    for (std::int64_t i = 0; i < left; ++i) ++shares[remainders[static_cast<std::size_t>(i)].second];
    return shares;
}

HalvingPlan plan_halvings(const std::vector<std::int32_t>& train_labels,
                          const std::vector<std::int32_t>& test_labels,
                          const std::vector<std::int32_t>& generated_labels,
                          const std::vector<std::string>& label_names, bool use_labels,
                          const EvaluateOptions& options, std::uint64_t seed) {
    HalvingPlan plan;
    if (use_labels) {
        plan.types.resize(label_names.size());
        std::iota(plan.types.begin(), plan.types.end(), 0);
    } else {
        plan.types = {-1};
    }
    const auto train = rows_by_type(train_labels, plan.types, use_labels);
    const auto test = rows_by_type(test_labels, plan.types, use_labels);
    const auto generated = rows_by_type(generated_labels, plan.types, use_labels);

    Rows half(plan.types.size());
    for (std::size_t c = 0; c < half.size(); ++c) {
        const auto in_half = static_cast<std::int64_t>(test[c].size() / 2);
        half[c] = std::min(in_half, static_cast<std::int64_t>(generated[c].size()));
        if (half[c] < in_half)
            plan.warnings.push_back((use_labels ? "type '" + label_names[c] + "': " : std::string()) +
                                    "only " + std::to_string(generated[c].size()) + " generated cells for " +
                                    std::to_string(in_half) + " in a half of the test cells; compared at " +
                                    std::to_string(half[c]) + " a side");
    }
    half = limited(half, options.max_cells);
    plan.half_offsets = offsets(half);

    const Rows published_test = limited(sizes(test), options.max_cells);
    const std::int64_t published_total =
        std::accumulate(published_test.begin(), published_test.end(), std::int64_t{0});
    Rows published = apportion(published_total, sizes(train));
    for (std::size_t c = 0; c < published.size(); ++c)
        published[c] = std::min({published[c], static_cast<std::int64_t>(train[c].size()),
                                 static_cast<std::int64_t>(generated[c].size())});
    plan.published_offsets = offsets(published);
    plan.published_test_offsets = offsets(published_test);

    Rows rare(plan.types.size(), 0);
    for (std::size_t c = 0; use_labels && c < rare.size(); ++c) {
        if (test[c].empty() || train[c].empty() || generated[c].empty() ||
            published[c] >= options.min_type_cells)
            continue;
        plan.rare_types.push_back(plan.types[c]);
        const std::int64_t usual =
            plan.published_offsets.back() / static_cast<std::int64_t>(plan.types.size());
        rare[c] = std::min(usual, static_cast<std::int64_t>(generated[c].size()));
    }

    const PlacedRandom random(seed, RandomStream::kEvaluate);
    plan.published_test = draw(test, published_test, random, evaluation_step(EvaluationDraw::kPublishedTest));
    for (std::int64_t h = 0; h < options.halvings; ++h) {
        Halving halving;
        for (std::size_t c = 0; c < half.size(); ++c) {
            const Rows order = shuffled(test[c], random, evaluation_step(EvaluationDraw::kTestHalves, h));
            halving.real.insert(halving.real.end(), order.begin(), order.begin() + half[c]);
            halving.floor.insert(halving.floor.end(), order.begin() + half[c], order.begin() + 2 * half[c]);
        }
        halving.generated =
            draw(generated, half, random, evaluation_step(EvaluationDraw::kGeneratedCells, h));
        halving.published_generated =
            draw(generated, published, random, evaluation_step(EvaluationDraw::kPublishedGenerated, h));
        halving.published_training =
            draw(train, published, random, evaluation_step(EvaluationDraw::kTrainingCells, h));
        halving.rare_generated =
            draw(generated, rare, random, evaluation_step(EvaluationDraw::kRareGenerated, h));
        plan.halvings.push_back(std::move(halving));
    }
    return plan;
}

}  // namespace lapatlas
