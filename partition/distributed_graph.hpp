#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/block_range.hpp"
#include "dist/communicator.hpp"

namespace lapatlas {

/// A graph whose rows are dealt to the ranks in blocks (block_of_rank). Columns are global row numbers,
/// ascending within a row, no self-loops.
struct DistributedGraph {
    std::int64_t num_rows = 0;                 ///< in the whole graph
    BlockRange rows;                           ///< this rank's
    std::vector<std::int64_t> row_offsets{0};  // [rows.size() + 1]
    std::vector<std::int64_t> columns;         // [local edges]

    std::int64_t degree(std::int64_t local_row) const {
        return row_offsets[static_cast<std::size_t>(local_row) + 1] -
               row_offsets[static_cast<std::size_t>(local_row)];
    }
    std::span<const std::int64_t> neighbours(std::int64_t local_row) const {
        return {columns.data() + row_offsets[static_cast<std::size_t>(local_row)],
                static_cast<std::size_t>(degree(local_row))};
    }
};

/// Collective. The undirected graph with an edge wherever one of the two directed edges exists (LapDDPM 3.1:
/// union). `targets` [rows of this rank, k] are global rows; negative entries (fewer than k neighbours) are
/// skipped.
DistributedGraph symmetrise(const Communicator& comm, std::int64_t num_rows,
                            std::span<const std::int64_t> targets, std::int64_t k);

/// Collective. The same graph with row r called new_names[r - rows.begin]; new_names is a permutation of all
/// rows.
DistributedGraph rename_rows(const Communicator& comm, const DistributedGraph& graph,
                             std::span<const std::int64_t> new_names);

/// Collective. Checks what the rest relies on: ascending columns in range, no self-loops, symmetry. Throws
/// InternalError on all ranks. For tests and after reading a file.
void validate(const Communicator& comm, const DistributedGraph& graph);

}  // namespace lapatlas
