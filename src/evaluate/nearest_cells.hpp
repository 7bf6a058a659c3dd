#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

struct Neighbour {
    double squared_distance = 0;
    std::int64_t row = 0;
    bool operator<(const Neighbour& other) const {
        return squared_distance != other.squared_distance ? squared_distance < other.squared_distance
                                                          : row < other.row;
    }
};

/// The `k` rows of `reference` nearest to `query` by brute force (all of them when there are fewer), nearest
/// first; equal distances go to the lower row.
std::vector<Neighbour> nearest_cells(const Points& reference,
                                     const Eigen::Ref<const Eigen::RowVectorXd>& query, std::int64_t k);

}  // namespace lapatlas
