#include "src/evaluate/cluster_agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace lapatlas {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// How many cells each pair of groups, and each group of a side, holds.
struct Contingency {
    std::map<std::pair<std::int32_t, std::int32_t>, double> both;
    std::map<std::int32_t, double> left, right;
    double cells = 0;
    Contingency(const std::vector<std::int32_t>& l, const std::vector<std::int32_t>& r)
        : cells(static_cast<double>(l.size())) {
        for (std::size_t i = 0; i < l.size(); ++i) {
            both[{l[i], r[i]}] += 1;
            left[l[i]] += 1;
            right[r[i]] += 1;
        }
    }
};

template <class Map, class Term>
double sum_of(const Map& tallies, Term&& term) {
    double sum = 0;
    for (const auto& [key, count] : tallies) sum += term(count);
    return sum;
}

/// Nats; NaN without cells.
struct Entropies {
    double left = kNan, right = kNan, information = kNan;
    Entropies(const std::vector<std::int32_t>& l, const std::vector<std::int32_t>& r) {
        const Contingency table(l, r);
        if (table.cells == 0) return;
        const auto entropy = [&](double n) { return -n / table.cells * std::log(n / table.cells); };
        left = sum_of(table.left, entropy);
        right = sum_of(table.right, entropy);
        information = std::max(0.0, left + right - sum_of(table.both, entropy));
    }
};

}  // namespace

double adjusted_rand_index(const std::vector<std::int32_t>& left, const std::vector<std::int32_t>& right) {
    const Contingency table(left, right);
    if (table.cells == 0) return kNan;
    const auto pairs = [](double n) { return n * (n - 1) / 2; };
    const double together = sum_of(table.both, pairs);
    const double of_left = sum_of(table.left, pairs), of_right = sum_of(table.right, pairs);
    const double expected = table.cells > 1 ? of_left * of_right / pairs(table.cells) : 0;
    const double most = (of_left + of_right) / 2;
    return most == expected ? 1.0 : (together - expected) / (most - expected);
}

double normalised_mutual_information(const std::vector<std::int32_t>& left,
                                     const std::vector<std::int32_t>& right) {
    const Entropies of(left, right);
    if (std::isnan(of.information)) return kNan;
    const double mean = (of.left + of.right) / 2;
    return mean > 0 ? of.information / mean : 1.0;
}

double homogeneity(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& groups) {
    const Entropies of(labels, groups);
    if (std::isnan(of.information)) return kNan;
    return of.left > 0 ? of.information / of.left : 1.0;
}

double cosine_silhouette(const Points& points, const std::vector<std::int32_t>& groups) {
    std::map<std::int32_t, std::size_t> place;
    for (const std::int32_t group : groups) place.emplace(group, place.size());
    if (place.size() < 2) return kNan;
    // The mean cosine distance to a group is 1 - (unit vector . mean of the group's unit vectors).
    Points unit = points;
    for (Eigen::Index row = 0; row < unit.rows(); ++row)
        if (const double norm = unit.row(row).norm(); norm > 0) unit.row(row) /= norm;
    Points sums = Points::Zero(static_cast<Eigen::Index>(place.size()), points.cols());
    std::vector<double> sizes(place.size(), 0.0);
    for (std::size_t i = 0; i < groups.size(); ++i) {
        sums.row(static_cast<Eigen::Index>(place[groups[i]])) += unit.row(static_cast<Eigen::Index>(i));
        sizes[place[groups[i]]] += 1;
    }
    double total = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::size_t own = place[groups[i]];
        if (sizes[own] == 1) continue;
        const Eigen::RowVectorXd cell = unit.row(static_cast<Eigen::Index>(i));
        const double itself = cell.squaredNorm();
        double inside = 0, outside = std::numeric_limits<double>::infinity();
        for (std::size_t g = 0; g < sizes.size(); ++g) {
            const double product = cell.dot(sums.row(static_cast<Eigen::Index>(g)));
            if (g == own)
                // A cell is at distance 1 - |u|^2 (0, or 1 for a cell without direction) of itself: left out.
                inside = 1 - (product - itself) / (sizes[g] - 1);
            else
                outside = std::min(outside, 1 - product / sizes[g]);
        }
        const double larger = std::max(inside, outside);
        if (larger > 0) total += (outside - inside) / larger;
    }
    return total / static_cast<double>(groups.size());
}

}  // namespace lapatlas
