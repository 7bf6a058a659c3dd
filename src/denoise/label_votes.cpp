#include "src/denoise/label_votes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/graph/knn.hpp"

namespace lapatlas {

LabelVotes vote_on_labels(const Communicator& comm, std::span<const double> latents, std::int64_t repeats,
                          std::span<const double> reference, std::int64_t width,
                          std::span<const std::int32_t> labels, std::int64_t num_labels,
                          std::int64_t neighbours) {
    const KnnGraph near = knn_query(comm, latents, reference, width, neighbours);
    const std::int64_t cells = std::ssize(latents) / width / repeats;
    LabelVotes votes;
    votes.num_labels = num_labels;
    for (std::int64_t cell = 0; cell < cells; ++cell) {
        std::vector<double> counts(static_cast<std::size_t>(num_labels), 0);
        for (std::int64_t i = cell * repeats * near.k; i < (cell + 1) * repeats * near.k; ++i) {
            const auto row = static_cast<std::size_t>(near.neighbours[static_cast<std::size_t>(i)]);
            if (labels[row] >= 0) ++counts[static_cast<std::size_t>(labels[row])];
        }
        const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
        const auto most = std::max_element(counts.begin(), counts.end());
        votes.best.push_back(total > 0 ? static_cast<std::int32_t>(most - counts.begin()) : -1);
        double entropy = 0;
        for (const double count : counts) {
            const double share = total > 0 ? count / total : 0;
            votes.probabilities.push_back(static_cast<float>(share));
            if (share > 0) entropy -= share * std::log(share);
        }
        votes.entropy.push_back(static_cast<float>(entropy));
    }
    return votes;
}

std::vector<std::int32_t> confidence_set(std::span<const float> probabilities, double level) {
    std::vector<std::int32_t> order(probabilities.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
        return probabilities[static_cast<std::size_t>(a)] > probabilities[static_cast<std::size_t>(b)];
    });
    double held = 0;
    std::size_t size = 0;
    while (size < order.size() && held < level - 1e-9)
        held += static_cast<double>(probabilities[static_cast<std::size_t>(order[size++])]);
    order.resize(size);
    return order;
}

}  // namespace lapatlas
