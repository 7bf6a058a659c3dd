#pragma once

#include "src/evaluate/evaluation.hpp"
#include "src/evaluate/halving_figures.hpp"

namespace lapatlas {

/// Rank-local. What the report draws of the cells of the published space: all test cells, and generated cells
/// drawn to the training frequencies. Distances to training cells are left to add_training_distances.
EvaluationPictures draw_pictures(const FigureData& data, const EvaluationInput& input);

/// Rank-local. Fills in the distances of both samples, once they are known.
void add_training_distances(const FigureData& data, EvaluationPictures& pictures);

}  // namespace lapatlas
