#include "src/evaluate/neighbour_mixing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/evaluate/nearest_cells.hpp"

namespace lapatlas {
namespace {

constexpr int kMostTries = 50;
constexpr double kTolerance = 1e-5;  // of the entropy, in nats

/// Weights exp(-beta d), with beta such that their entropy is log(perplexity).
std::vector<double> neighbour_weights(const std::vector<double>& distances, double perplexity) {
    const double wanted = std::log(perplexity);
    double beta = 1, least = 0, most = std::numeric_limits<double>::infinity();
    std::vector<double> weights(distances.size());
    for (int attempt = 0; attempt <= kMostTries; ++attempt) {
        double sum = 0, moment = 0;
        for (std::size_t i = 0; i < distances.size(); ++i) {
            weights[i] = std::exp(-distances[i] * beta);
            sum += weights[i];
            moment += weights[i] * distances[i];
        }
        if (!(sum > 0)) {  // all underflowed: the kernel is far too narrow
            most = beta;
            beta = (least + most) / 2;
            continue;
        }
        for (double& weight : weights) weight /= sum;
        const double excess = std::log(sum) + beta * moment / sum - wanted;
        if (std::abs(excess) < kTolerance) break;
        (excess > 0 ? least : most) = beta;
        beta = std::isinf(most) ? 2 * beta : (least + most) / 2;
    }
    return weights;
}

}  // namespace

std::vector<double> local_inverse_simpson(const Points& points, const std::vector<std::int32_t>& classes,
                                          double perplexity) {
    const Eigen::Index cells = points.rows();
    if (cells < 2) return {};
    const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(3 * perplexity), cells - 1);
    std::vector<double> index(static_cast<std::size_t>(cells));
#pragma omp parallel for schedule(static)
    for (Eigen::Index cell = 0; cell < cells; ++cell) {
        std::vector<double> distances;
        std::vector<std::int32_t> around;
        for (const Neighbour& neighbour : nearest_cells(points, points.row(cell), count + 1)) {
            if (neighbour.row == cell || static_cast<std::int64_t>(distances.size()) == count) continue;
            distances.push_back(std::sqrt(neighbour.squared_distance));
            around.push_back(classes[static_cast<std::size_t>(neighbour.row)]);
        }
        const std::vector<double> weights =
            neighbour_weights(distances, std::min(perplexity, static_cast<double>(count)));
        std::map<std::int32_t, double> share;
        for (std::size_t i = 0; i < weights.size(); ++i) share[around[i]] += weights[i];
        double simpson = 0;
        for (const auto& [name, value] : share) simpson += value * value;
        index[static_cast<std::size_t>(cell)] = simpson > 0 ? 1 / simpson : 1;
    }
    return index;
}

}  // namespace lapatlas
