#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/evaluate/evaluation.hpp"
#include "src/evaluate/halving_figures.hpp"

namespace lapatlas {

/// What rank 0 makes of an EvaluationInput and every rank needs for its share of the work.
struct EvaluationData {
    FigureData figures;
    Points training;                            // [num_train, pca_components], in train-PCA
    std::vector<std::int32_t> training_labels;  // [num_train]
};

/// Rank-local. Checks the input, plans the halvings, fits the spaces and keeps the cells that take part.
/// Fills sizes, types, warnings and pictures of `result`. Throws InputError when samples are empty, too few
/// or do not share genes.
EvaluationData prepare_evaluation(const EvaluationInput& input, const EvaluateOptions& options,
                                  std::uint64_t seed, EvaluationResult& result);

/// Collective. Rank 0's data everywhere.
void broadcast(const Communicator& comm, EvaluationData& data, std::int64_t num_halvings);

}  // namespace lapatlas
