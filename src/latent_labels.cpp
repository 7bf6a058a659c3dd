#include "src/latent_labels.hpp"

#include <algorithm>
#include <numeric>

#include "dist/collectives.hpp"
#include "dist/even_sample.hpp"

namespace lapatlas {

namespace {

/// Training cells that the label classifier learns from, at most.
constexpr std::int64_t kMostLessons = 5000;

}  // namespace

std::unique_ptr<LabelClassifier> learn_labels(const Communicator& comm, const RankData& data,
                                              const torch::Tensor& means) {
    const std::int64_t width = means.size(1), total = data.summary.num_train;
    std::vector<std::int64_t> places;
    std::vector<std::int32_t> labels;
    std::vector<float> latents;
    for (std::int64_t r = 0; r < data.num_train_rows; ++r) {
        const std::int64_t global = data.train_graph.owned_ids[static_cast<std::size_t>(r)];
        const std::int32_t label = data.labels[static_cast<std::size_t>(r)];
        if (label < 0 || !is_in_even_sample(global, total, kMostLessons)) continue;
        places.push_back(global);
        labels.push_back(label);
        const float* row = means.data_ptr<float>() + r * width;
        latents.insert(latents.end(), row, row + width);
    }
    places = all_gather_v<std::int64_t>(comm, places);
    labels = all_gather_v<std::int32_t>(comm, labels);
    latents = all_gather_v<float>(comm, latents);
    if (labels.empty()) return nullptr;
    std::vector<std::size_t> order(places.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return places[a] < places[b]; });
    Points cells(static_cast<Eigen::Index>(order.size()), width);
    std::vector<std::int32_t> in_order;
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::int64_t j = 0; j < width; ++j)
            cells(static_cast<Eigen::Index>(i), j) =
                latents[order[i] * static_cast<std::size_t>(width) + static_cast<std::size_t>(j)];
        in_order.push_back(labels[order[i]]);
    }
    return std::make_unique<LabelClassifier>(cells, in_order);
}

Points points_of(const torch::Tensor& means) {
    const torch::Tensor whole = means.to(torch::kFloat64).contiguous();
    return Eigen::Map<const Points>(whole.data_ptr<double>(), whole.size(0), whole.size(1));
}

std::vector<std::int32_t> likeliest_labels(const LabelClassifier& classifier, const torch::Tensor& means) {
    const Eigen::MatrixXd chances = classifier.probabilities(points_of(means));
    std::vector<std::int32_t> labels;
    for (Eigen::Index row = 0; row < chances.rows(); ++row) {
        Eigen::Index best = 0;
        chances.row(row).maxCoeff(&best);
        labels.push_back(classifier.labels()[static_cast<std::size_t>(best)]);
    }
    return labels;
}

}  // namespace lapatlas
