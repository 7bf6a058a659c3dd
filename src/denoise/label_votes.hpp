#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// What the labels of nearby reference cells say of denoised cells, over the repeats of each: the confidence
/// sets of DICE (3, "Confidence sets").
struct LabelVotes {
    std::int64_t num_labels = 0;
    std::vector<float>
        probabilities;  // [cells, num_labels], of the labelled neighbours; 0 where there are none
    std::vector<std::int32_t> best;  // [cells], -1: no labelled neighbour
    std::vector<float> entropy;      // [cells], nats
};

/// Collective. `repeats` latents a cell, [cells * repeats, width], among the reference's [local rows, width]
/// of all ranks, of which `labels` (-1: none), whole on every rank, are the labels by global row.
LabelVotes vote_on_labels(const Communicator& comm, std::span<const double> latents, std::int64_t repeats,
                          std::span<const double> reference, std::int64_t width,
                          std::span<const std::int32_t> labels, std::int64_t num_labels,
                          std::int64_t neighbours);

/// Labels of a cell by falling probability until they hold `level` of it: a confidence set.
std::vector<std::int32_t> confidence_set(std::span<const float> probabilities, double level);

}  // namespace lapatlas
