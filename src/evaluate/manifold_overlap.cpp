#include "src/evaluate/manifold_overlap.hpp"

#include <limits>

#include "src/evaluate/nearest_cells.hpp"

namespace lapatlas {

ManifoldOverlap manifold_overlap(const Points& real, const Points& other, std::int64_t k) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    if (real.rows() <= k || other.rows() == 0) return {kNan, kNan};
    std::int64_t inside = 0, covered = 0;
#pragma omp parallel for schedule(static) reduction(+ : inside, covered)
    for (Eigen::Index cell = 0; cell < real.rows(); ++cell) {
        // The cell is its own nearest.
        const double radius = nearest_cells(real, real.row(cell), k + 1).back().squared_distance;
        std::int64_t here = 0;
        for (Eigen::Index row = 0; row < other.rows(); ++row)
            here += (other.row(row) - real.row(cell)).squaredNorm() < radius ? 1 : 0;
        inside += here;
        covered += here > 0 ? 1 : 0;
    }
    return {static_cast<double>(covered) / static_cast<double>(real.rows()),
            static_cast<double>(inside) / static_cast<double>(k * other.rows())};
}

}  // namespace lapatlas
