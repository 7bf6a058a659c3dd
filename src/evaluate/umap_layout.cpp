#include "src/evaluate/umap_layout.hpp"

#include <umappp/umappp.hpp>

namespace lapatlas {

std::vector<double> umap_layout(NeighbourLists neighbours) {
    std::vector<double> places(2 * neighbours.size(), 0.0);
    umappp::Options options;
    options.num_threads = 1;
    auto status = umappp::initialize<int, double>(std::move(neighbours), 2, places.data(), options);
    status.run(places.data());
    return places;
}

}  // namespace lapatlas
