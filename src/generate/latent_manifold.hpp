#pragma once

#include <cstdint>
#include <vector>

namespace lapatlas {

/// A sample of training cells in latent space, to tell how usual a generated latent is.
class LatentManifold {
  public:
    LatentManifold() = default;
    /// `latents` [n, width], rows slowest; `labels` [n], -1 unlabelled.
    LatentManifold(std::vector<float> latents, std::int64_t width, const std::vector<std::int32_t>& labels,
                   std::int64_t num_labels);

    bool is_empty() const { return groups_.empty(); }
    /// Distance from z [width] to the nearest training cell of its label, over the median of that distance
    /// among those training cells themselves: about 1 is usual, far above it is an outlier. Against all
    /// training cells where the label is -1 or has fewer than 2.
    float distance(const float* z, std::int32_t label) const;

  private:
    struct Group {
        std::vector<float> latents;
        float usual = 1;
    };
    float nearest(const Group& group, const float* z, std::int64_t leave_out) const;

    std::int64_t width_ = 0;
    std::vector<Group> groups_;  // [num_labels + 1], all cells last
};

}  // namespace lapatlas
