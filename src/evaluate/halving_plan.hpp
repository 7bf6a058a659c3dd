#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/config/evaluate_options.hpp"

namespace lapatlas {

/// Which cells meet in one repeat. Cells of a type stand together: those of compared type c are
/// [half_offsets[c], half_offsets[c + 1]) of each of the three halves' lists (see HalvingPlan).
struct Halving {
    std::vector<std::int64_t> real;       ///< half A of the test cells: what is judged against
    std::vector<std::int64_t> floor;      ///< half B, as many of each type as A
    std::vector<std::int64_t> generated;  ///< as many of each type as A
    // The published space: test cells against cells drawn to the training frequencies.
    std::vector<std::int64_t> published_generated;
    std::vector<std::int64_t> published_training;  ///< the floor of that space, same numbers
    /// Generated cells of the rare types, to be added to published_training: see HalvingPlan::rare_types.
    std::vector<std::int64_t> rare_generated;
};

/// The cells of every repeat of an evaluation. Types are numbered as compared types 0 .. num_types-1.
struct HalvingPlan {
    std::vector<std::int32_t> types;         ///< label of each compared type; {-1} when labels are not used
    std::vector<std::int64_t> half_offsets;  // [num_types + 1]
    std::vector<std::int64_t> published_offsets;  // [num_types + 1], into published_generated / _training
    std::vector<std::int64_t> published_test;     ///< test cells of the published space, by type
    std::vector<std::int64_t> published_test_offsets;  // [num_types + 1]
    /// Compared types with test cells and fewer than min_type_cells cells in published_training;
    /// rare_generated has as many of each as the types have in published_training on average (or all that
    /// there are).
    std::vector<std::int32_t> rare_types;
    std::vector<Halving> halvings;
    std::vector<std::string> warnings;

    std::int64_t cells_in_half(std::size_t type) const { return half_offsets[type + 1] - half_offsets[type]; }
};

/// Halves the test cells at random, per type, and draws generated (and, for the published space, training)
/// cells to match. A type gives n cells to each side of a repeat, n = min(half of its test cells, its
/// generated cells), scaled down in proportion where all types together exceed max_cells. Labels < 0 take no
/// part unless `use_labels` is false, when every cell counts as one type. Random places are keyed by cell
/// index, so the plan is a function of its arguments.
HalvingPlan plan_halvings(const std::vector<std::int32_t>& train_labels,
                          const std::vector<std::int32_t>& test_labels,
                          const std::vector<std::int32_t>& generated_labels,
                          const std::vector<std::string>& label_names, bool use_labels,
                          const EvaluateOptions& options, std::uint64_t seed);

/// `total` units dealt in proportion to `weights` (largest remainder, ties to the earlier). All zero when
/// weights are.
std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<std::int64_t>& weights);

}  // namespace lapatlas
