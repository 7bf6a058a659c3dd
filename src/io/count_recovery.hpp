#pragma once

#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// An obs column that may hold each cell's total counts before normalisation.
struct CellTotals {
    std::string column;
    std::vector<double> values;  // [local rows]
};

struct Recovery {
    bool recovered = false;
    std::string how;      ///< e.g. "expm1(x) * obs n_counts / 10000"
    std::string why_not;  ///< the first cell that no reading of the data turns into whole counts
};

/// Collective. Proves and undoes X = log1p(counts * target / total of the cell). Tried in turn: each of
/// `totals` with a target of 1e4 and 1e6; then the smallest value of each cell as one count. A reading holds
/// only if it makes every value of every cell whole, within what the stored digits allow (data rounded to 3
/// decimals included) and never looser than 0.3 of a count. On success `logged` holds the counts; otherwise
/// it is unchanged.
Recovery recover_counts(const Communicator& comm, CountMatrix& logged, std::span<const CellTotals> totals,
                        const std::vector<std::string>& cell_names);

}  // namespace lapatlas
