#include "src/evaluate/optimal_transport.hpp"

#include <lemon/config.h>
#include <lemon/network_simplex.h>
#include <lemon/static_graph.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "dist/error.hpp"

namespace lapatlas {

double wasserstein2(const Points& left, const Points& right) {
    const int num_left = static_cast<int>(left.rows()), num_right = static_cast<int>(right.rows());
    ensure(num_left > 0 && num_right > 0, "optimal transport needs two samples");
    std::vector<double> squared(static_cast<std::size_t>(num_left) * static_cast<std::size_t>(num_right));
    std::vector<std::pair<int, int>> arcs;
    arcs.reserve(squared.size());
    double largest = 0;
    for (int i = 0; i < num_left; ++i)
        for (int j = 0; j < num_right; ++j) {
            const double distance = (left.row(i) - right.row(j)).squaredNorm();
            squared[arcs.size()] = distance;
            largest = std::max(largest, distance);
            arcs.emplace_back(i, num_left + j);
        }
    if (largest == 0) return 0;

    lemon::StaticDigraph graph;
    graph.build(num_left + num_right, arcs.begin(), arcs.end());
    // Whole-number costs: with floating ones the simplex can turn in circles on rounding noise. 2^40 steps
    // keep ten digits, and potentials (at most nodes x cost) stay far inside 64 bits.
    const double scale = std::ldexp(1.0, 40) / largest;
    lemon::StaticDigraph::ArcMap<std::int64_t> costs(graph);
    for (std::size_t a = 0; a < arcs.size(); ++a)
        costs[lemon::StaticDigraph::arc(static_cast<int>(a))] = std::llround(squared[a] * scale);
    // Uniform weights in whole numbers: each left cell ships right / gcd units, each right cell takes left /
    // gcd.
    const int shared = std::gcd(num_left, num_right);
    lemon::StaticDigraph::NodeMap<std::int64_t> supplies(graph);
    for (int i = 0; i < num_left; ++i) supplies[lemon::StaticDigraph::node(i)] = num_right / shared;
    for (int j = 0; j < num_right; ++j)
        supplies[lemon::StaticDigraph::node(num_left + j)] = -num_left / shared;

    using Simplex = lemon::NetworkSimplex<lemon::StaticDigraph, std::int64_t, std::int64_t>;
    Simplex simplex(graph);
    simplex.costMap(costs).supplyMap(supplies);
    ensure(simplex.run() == Simplex::OPTIMAL, "uniform transport always has an optimum");
    double cost = 0;
    for (std::size_t a = 0; a < arcs.size(); ++a)
        cost +=
            squared[a] * static_cast<double>(simplex.flow(lemon::StaticDigraph::arc(static_cast<int>(a))));
    return std::sqrt(cost / (static_cast<double>(num_left) * (num_right / shared)));
}

std::string optimal_transport_version() { return LEMON_VERSION; }

}  // namespace lapatlas
