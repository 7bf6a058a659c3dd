#include "src/evaluate/umap.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/evaluate/nearest_cells.hpp"
#include "src/evaluate/umap_layout.hpp"

namespace lapatlas {

Points umap(const Points& cells, std::int64_t neighbours) {
    const Eigen::Index num_cells = cells.rows();
    Points map = Points::Zero(num_cells, 2);
    const std::int64_t k = std::min<std::int64_t>(neighbours, num_cells - 1);
    if (k < 2) {
        for (Eigen::Index cell = 0; cell < num_cells; ++cell) map(cell, 0) = static_cast<double>(cell);
        return map;
    }
    NeighbourLists lists(static_cast<std::size_t>(num_cells));
#pragma omp parallel for schedule(static)
    for (Eigen::Index cell = 0; cell < num_cells; ++cell)
        for (const Neighbour& neighbour : nearest_cells(cells, cells.row(cell), k + 1))
            if (neighbour.row != cell &&
                static_cast<std::int64_t>(lists[static_cast<std::size_t>(cell)].size()) < k)
                lists[static_cast<std::size_t>(cell)].emplace_back(static_cast<int>(neighbour.row),
                                                                   std::sqrt(neighbour.squared_distance));
    const std::vector<double> places = umap_layout(std::move(lists));
    std::copy(places.begin(), places.end(), map.data());
    return map;
}

}  // namespace lapatlas
