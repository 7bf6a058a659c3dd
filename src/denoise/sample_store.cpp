#include "src/denoise/sample_store.hpp"

#include <algorithm>

namespace lapatlas {

void SampleStore::write(std::int64_t first_cell, const std::vector<float>& values) const {
    folder_.write(first_cell, [&](Hdf5File& file) { file.write("latents", values); });
}

std::vector<bool> SampleStore::read(std::int64_t first_cell, std::span<float> values) const {
    const std::int64_t cells = std::ssize(values) / values_a_cell_;
    std::vector<bool> found(static_cast<std::size_t>(cells), false);
    const std::vector<std::int64_t> parts = folder_.parts();
    // Parts do not overlap, so only the last that begins before these cells can reach into them.
    const auto later = std::upper_bound(parts.begin(), parts.end(), first_cell);
    for (auto part = later == parts.begin() ? later : later - 1;
         part != parts.end() && *part < first_cell + cells; ++part) {
        const std::vector<float> kept = folder_.open(*part).read<float>("latents");
        const std::int64_t end = std::min(*part + std::ssize(kept) / values_a_cell_, first_cell + cells);
        for (std::int64_t cell = std::max(*part, first_cell); cell < end; ++cell) {
            const auto from = kept.begin() + (cell - *part) * values_a_cell_;
            std::copy(from, from + values_a_cell_, values.begin() + (cell - first_cell) * values_a_cell_);
            found[static_cast<std::size_t>(cell - first_cell)] = true;
        }
    }
    return found;
}

}  // namespace lapatlas
