#pragma once

#include <cmath>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What a count becomes: log(1 + x factor), taken in float64.
inline float log_scaled(float x, double factor) {
    return static_cast<float>(std::log1p(static_cast<double>(x) * factor));
}

/// log(1 + x target_sum / total) for every count x of a cell with that total (LapDDPM 3.1). A cell without
/// counts stays zero. Totals and logarithms are taken in float64, the values kept are float32.
CountMatrix log_normalise(const CountMatrix& counts, double target_sum);

}  // namespace lapatlas
