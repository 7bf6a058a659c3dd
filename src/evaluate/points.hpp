#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace lapatlas {

/// Cells as points of a space: one row a cell, [num_cells, num_components].
using Points = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The named rows of `points`, in that order.
inline Points select_points(const Points& points, const std::vector<std::int64_t>& rows) {
    Points chosen(static_cast<Eigen::Index>(rows.size()), points.cols());
    for (std::size_t i = 0; i < rows.size(); ++i)
        chosen.row(static_cast<Eigen::Index>(i)) = points.row(rows[i]);
    return chosen;
}

/// The rows of `upper` below those of `lower`.
inline Points stack(const Points& upper, const Points& lower) {
    Points both(upper.rows() + lower.rows(), upper.cols());
    both << upper, lower;
    return both;
}

}  // namespace lapatlas
