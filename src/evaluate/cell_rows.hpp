#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"
#include "src/io/count_matrix.hpp"
#include "src/preprocess/pca.hpp"

namespace lapatlas {

/// The named rows of `matrix`, in that order (repeats allowed).
CountMatrix take_rows(const CountMatrix& matrix, const std::vector<std::int64_t>& rows);

/// The rows of `upper` above those of `lower`; both have the same genes.
CountMatrix stack_rows(CountMatrix upper, const CountMatrix& lower);

/// Total counts of every cell.
std::vector<double> library_sizes(const CountMatrix& counts);

/// Log-normalised cells as points of a space of principal components.
Points project_points(const CountMatrix& expression, const Pca& space);

}  // namespace lapatlas
