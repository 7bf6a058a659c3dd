#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/nearest_cells.hpp"
#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Label by vote of a query's nearest labelled training cells; a tie goes to the label whose nearest voter is
/// closer. -1 without neighbours.
std::int32_t vote_label(const std::vector<Neighbour>& neighbours, const std::vector<std::int32_t>& labels);

struct LabelAgreement {
    double accuracy = 0;
    double macro_f1 = 0;  ///< mean F1 over the labels that occur among the true or the predicted ones
};
LabelAgreement label_agreement(const std::vector<std::int32_t>& truth,
                               const std::vector<std::int32_t>& predicted);

}  // namespace lapatlas
