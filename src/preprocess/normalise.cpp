#include "src/preprocess/normalise.hpp"

namespace lapatlas {

CountMatrix log_normalise(const CountMatrix& counts, double target_sum) {
    CountMatrix normalised = counts;
    const std::int64_t num_rows = counts.num_rows();
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < num_rows; ++row) {
        const auto begin = static_cast<std::size_t>(counts.row_offsets[static_cast<std::size_t>(row)]);
        const auto end = static_cast<std::size_t>(counts.row_offsets[static_cast<std::size_t>(row) + 1]);
        double total = 0;
        for (std::size_t i = begin; i < end; ++i) total += counts.values[i];
        const double factor = total > 0 ? target_sum / total : 0;
        for (std::size_t i = begin; i < end; ++i) normalised.values[i] = log_scaled(counts.values[i], factor);
    }
    return normalised;
}

}  // namespace lapatlas
