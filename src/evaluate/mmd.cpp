#include "src/evaluate/mmd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace lapatlas {
namespace {

/// Each kernel is exp(-rate d^2).
using Rates = std::array<double, 5>;

double mean_kernel(const Points& left, const Points& right, const Rates& rates) {
    double sum = 0;
    for (Eigen::Index i = 0; i < left.rows(); ++i)
        for (Eigen::Index j = 0; j < right.rows(); ++j) {
            const double squared = (left.row(i) - right.row(j)).squaredNorm();
            for (const double rate : rates) sum += std::exp(-rate * squared);
        }
    return sum / (static_cast<double>(left.rows()) * static_cast<double>(right.rows()));
}

double mmd2(const Points& real, const Points& other, const Rates& rates) {
    return mean_kernel(real, real, rates) + mean_kernel(other, other, rates) -
           2 * mean_kernel(real, other, rates);
}

}  // namespace

double mmd2_published(const Points& real, const Points& other) {
    Rates rates{};
    constexpr Rates kWidths{0.01, 0.1, 1, 10, 100};
    for (std::size_t i = 0; i < rates.size(); ++i) rates[i] = 1 / (2 * kWidths[i] * kWidths[i]);
    return mmd2(real, other, rates);
}

double mmd2_median(const Points& real, const Points& other) {
    std::vector<double> squared;
    for (Eigen::Index i = 0; i < real.rows(); ++i)
        for (Eigen::Index j = i + 1; j < real.rows(); ++j)
            squared.push_back((real.row(i) - real.row(j)).squaredNorm());
    if (squared.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto middle = squared.begin() + static_cast<std::ptrdiff_t>(squared.size() / 2);
    std::nth_element(squared.begin(), middle, squared.end());
    double median = *middle;
    if (squared.size() % 2 == 0) median = (median + *std::max_element(squared.begin(), middle)) / 2;
    if (!(median > 0)) return std::numeric_limits<double>::quiet_NaN();
    Rates rates{};
    constexpr Rates kFactors{0.25, 0.5, 1, 2, 4};
    for (std::size_t i = 0; i < rates.size(); ++i) rates[i] = 1 / (kFactors[i] * median);
    return mmd2(real, other, rates);
}

}  // namespace lapatlas
