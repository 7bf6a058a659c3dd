#include "src/generate/latent_manifold.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lapatlas {

LatentManifold::LatentManifold(std::vector<float> latents, std::int64_t width,
                               const std::vector<std::int32_t>& labels, std::int64_t num_labels)
    : width_(width), groups_(static_cast<std::size_t>(num_labels) + 1) {
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (labels[i] >= 0) {
            const auto row = latents.begin() + static_cast<std::ptrdiff_t>(i) * width;
            auto& own = groups_[static_cast<std::size_t>(labels[i])].latents;
            own.insert(own.end(), row, row + width);
        }
    groups_.back().latents = std::move(latents);
    for (Group& group : groups_) {
        const auto cells = static_cast<std::int64_t>(group.latents.size()) / std::max<std::int64_t>(1, width);
        if (cells < 2) continue;
        std::vector<float> distances(static_cast<std::size_t>(cells));
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < cells; ++i)
            distances[static_cast<std::size_t>(i)] = nearest(group, group.latents.data() + i * width, i);
        std::nth_element(distances.begin(), distances.begin() + cells / 2, distances.end());
        group.usual = std::max(distances[static_cast<std::size_t>(cells / 2)], 1e-12f);
    }
}

float LatentManifold::nearest(const Group& group, const float* z, std::int64_t leave_out) const {
    float best = std::numeric_limits<float>::infinity();
    const auto cells = static_cast<std::int64_t>(group.latents.size()) / width_;
    for (std::int64_t i = 0; i < cells; ++i) {
        if (i == leave_out) continue;
        const float* row = group.latents.data() + i * width_;
        float squared = 0;
#pragma omp simd reduction(+ : squared)
        for (std::int64_t j = 0; j < width_; ++j) squared += (row[j] - z[j]) * (row[j] - z[j]);
        best = std::min(best, squared);
    }
    return std::sqrt(best);
}

float LatentManifold::distance(const float* z, std::int32_t label) const {
    const Group* group = &groups_.back();
    if (label >= 0 &&
        static_cast<std::int64_t>(groups_[static_cast<std::size_t>(label)].latents.size()) >= 2 * width_)
        group = &groups_[static_cast<std::size_t>(label)];
    return nearest(*group, z, -1) / group->usual;
}

}  // namespace lapatlas
