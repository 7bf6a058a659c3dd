#include "src/evaluate/nearest_cells.hpp"

#include <algorithm>

namespace lapatlas {

std::vector<Neighbour> nearest_cells(const Points& reference,
                                     const Eigen::Ref<const Eigen::RowVectorXd>& query, std::int64_t k) {
    const auto capacity = static_cast<std::size_t>(std::min<std::int64_t>(k, reference.rows()));
    std::vector<Neighbour> heap;  // the farthest kept cell on top
    heap.reserve(capacity + 1);
    if (capacity == 0) return heap;
    for (Eigen::Index row = 0; row < reference.rows(); ++row) {
        const Neighbour candidate{(reference.row(row) - query).squaredNorm(), row};
        if (heap.size() == capacity && !(candidate < heap.front())) continue;
        heap.push_back(candidate);
        std::push_heap(heap.begin(), heap.end());
        if (heap.size() > capacity) {
            std::pop_heap(heap.begin(), heap.end());
            heap.pop_back();
        }
    }
    std::sort_heap(heap.begin(), heap.end());
    return heap;
}

}  // namespace lapatlas
