#include "src/preprocess/loess.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace lapatlas {

namespace {

/// Value at `centre` of the weighted parabola through x, y.
double fit_at(double centre, double reach, std::span<const double> x, std::span<const double> y) {
    Eigen::Matrix3d normal = Eigen::Matrix3d::Zero();
    Eigen::Vector3d right = Eigen::Vector3d::Zero();
    double moments[5] = {}, mixed[3] = {};
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double t = reach > 0 ? (x[i] - centre) / reach : 0;
        const double distance = std::abs(t);
        const double shortfall = std::max(0.0, 1 - distance * distance * distance);
        const double weight = shortfall * shortfall * shortfall;
        double power = weight;
        for (int m = 0; m < 5; ++m, power *= t) {
            moments[m] += power;
            if (m < 3) mixed[m] += power * y[i];
        }
    }
    for (int a = 0; a < 3; ++a) {
        right[a] = mixed[a];
        for (int b = 0; b < 3; ++b) normal(a, b) = moments[a + b];
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solver(normal);
    constexpr double kSingular = 1e-12;
    Eigen::Vector3d inverse = Eigen::Vector3d::Zero();
    for (int i = 0; i < 3; ++i)
        if (solver.eigenvalues()[i] > kSingular * solver.eigenvalues()[2])
            inverse[i] = 1 / solver.eigenvalues()[i];
    const Eigen::Vector3d coefficients =
        solver.eigenvectors() * inverse.asDiagonal() * solver.eigenvectors().transpose() * right;
    return coefficients[0];
}

}  // namespace

std::vector<double> loess(std::span<const double> x, std::span<const double> y, double span,
                          std::int64_t first, std::int64_t last) {
    const std::int64_t n = static_cast<std::int64_t>(x.size());
    const std::int64_t window =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(span * static_cast<double>(n) + 1e-5)),
                                 std::min<std::int64_t>(n, 3), n);
    std::vector<double> fitted(static_cast<std::size_t>(last - first));
#pragma omp parallel for schedule(static)
    for (std::int64_t i = first; i < last; ++i) {
        const double centre = x[static_cast<std::size_t>(i)];
        // The window that holds the nearest: it begins where its left end is no farther than the point right
        // of it.
        std::int64_t low = std::max<std::int64_t>(0, i - window + 1), high = std::min(i, n - window);
        while (low < high) {
            const std::int64_t middle = (low + high) / 2;
            if (centre - x[static_cast<std::size_t>(middle)] >
                x[static_cast<std::size_t>(middle + window)] - centre)
                low = middle + 1;
            else
                high = middle;
        }
        const auto begin = static_cast<std::size_t>(low), count = static_cast<std::size_t>(window);
        const double reach = std::max(centre - x[begin], x[begin + count - 1] - centre);
        fitted[static_cast<std::size_t>(i - first)] =
            fit_at(centre, reach, x.subspan(begin, count), y.subspan(begin, count));
    }
    return fitted;
}

}  // namespace lapatlas
