#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/exchange_plan.hpp"
#include "partition/index_map.hpp"

namespace lapatlas {

/// One rank's rows of a graph with local column numbers: columns below num_owned are owned rows, the others
/// are ghosts (column - num_owned). Within a row, columns keep the ascending order of their global rows, so
/// that sums over neighbours round the same on any number of ranks.
struct GraphShard {
    std::int64_t num_owned = 0;
    std::vector<std::int64_t> row_offsets{0};  // [num_owned + 1]
    std::vector<std::int32_t> columns;         // [local edges]
    std::vector<std::int64_t> owned_ids;       // [num_owned] global rows
    std::vector<std::int64_t> ghost_ids;       // [num_ghosts] global rows, sorted by owner, then ascending
    ExchangePlan plan;
    std::vector<std::int32_t> interior_rows;  ///< owned rows without a ghost neighbour
    std::vector<std::int32_t> boundary_rows;  ///< the others
    /// Of an induced shard: a row's neighbours that are not active. A row that has some has an edge to
    /// itself, in its place among the columns, that stands for all of them. [num_owned], or empty.
    std::vector<std::int32_t> absent;

    std::int64_t num_ghosts() const { return static_cast<std::int64_t>(ghost_ids.size()); }
    std::int64_t num_edges() const { return static_cast<std::int64_t>(columns.size()); }
    std::span<const std::int32_t> neighbours(std::int64_t row) const {
        const auto first = row_offsets[static_cast<std::size_t>(row)];
        return {columns.data() + first,
                static_cast<std::size_t>(row_offsets[static_cast<std::size_t>(row) + 1] - first)};
    }
    std::int64_t global_id(std::int32_t column) const {
        return column < num_owned ? owned_ids[static_cast<std::size_t>(column)]
                                  : ghost_ids[static_cast<std::size_t>(column - num_owned)];
    }
};

/// Collective. The shard of the rows this rank owns by `map`, in the order of map.rows_of_rank, followed by
/// `extra_ids.size()` rows that nobody refers to (held-out cells, whose edges point at mapped rows only).
/// `global_columns` are rows of `map`.
GraphShard build_graph_shard(const Communicator& comm, const IndexMap& map,
                             std::span<const std::int64_t> row_offsets,
                             std::span<const std::int64_t> global_columns,
                             std::span<const std::int64_t> extra_ids = {});

/// The subgraph induced by the rows of active clusters (cluster_is_active [num_clusters], equal on every
/// rank), and by the last rows of the shard, those beyond the map, whose clusters (`clusters_of_extra`) are
/// active. What leads to rows that are not active leads back to where it came from (GraphShard::absent): a
/// missing neighbour is taken to be like the row itself, so that rows keep their degree and products by the
/// Laplacian mean the same in any part of the graph. Rank-local: the plan is filtered, no message is needed.
/// `kept_rows` gets the shard's row of each new row.
struct InducedShard {
    GraphShard shard;
    std::vector<std::int32_t> kept_rows;  // [new num_owned] row of the full shard
};
InducedShard induce(const GraphShard& full, const IndexMap& map,
                    std::span<const std::uint8_t> cluster_is_active,
                    std::span<const std::int32_t> clusters_of_extra = {});

}  // namespace lapatlas
