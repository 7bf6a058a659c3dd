#include "partition/graph_shard.hpp"

#include <algorithm>
#include <limits>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {
void find_interior(GraphShard& shard) {
    for (std::int64_t r = 0; r < shard.num_owned; ++r) {
        const auto neighbours = shard.neighbours(r);
        const bool interior = std::all_of(neighbours.begin(), neighbours.end(),
                                          [&](std::int32_t c) { return c < shard.num_owned; });
        (interior ? shard.interior_rows : shard.boundary_rows).push_back(static_cast<std::int32_t>(r));
    }
}
}  // namespace

GraphShard build_graph_shard(const Communicator& comm, const IndexMap& map,
                             std::span<const std::int64_t> row_offsets,
                             std::span<const std::int64_t> global_columns,
                             std::span<const std::int64_t> extra_ids) {
    GraphShard shard;
    shard.owned_ids = map.rows_of_rank(comm.rank());
    shard.owned_ids.insert(shard.owned_ids.end(), extra_ids.begin(), extra_ids.end());
    shard.num_owned = static_cast<std::int64_t>(shard.owned_ids.size());
    ensure(static_cast<std::int64_t>(row_offsets.size()) == shard.num_owned + 1,
           "one offset a row of the shard");
    ensure(shard.num_owned < std::numeric_limits<std::int32_t>::max(), "a shard has fewer than 2^31 rows");
    shard.row_offsets.assign(row_offsets.begin(), row_offsets.end());

    struct Ghost {
        int owner;
        std::int64_t id;
        auto operator<=>(const Ghost&) const = default;
    };
    std::vector<Ghost> ghosts;
    for (const std::int64_t column : global_columns)
        if (const int owner = map.owner(column); owner != comm.rank()) ghosts.push_back({owner, column});
    std::sort(ghosts.begin(), ghosts.end());
    ghosts.erase(std::unique(ghosts.begin(), ghosts.end()), ghosts.end());

    std::vector<int> owners;
    std::vector<std::int32_t> rows_at_owner;
    for (const Ghost& ghost : ghosts) {
        owners.push_back(ghost.owner);
        rows_at_owner.push_back(map.local_row(ghost.id));
        shard.ghost_ids.push_back(ghost.id);
    }
    shard.columns.reserve(global_columns.size());
    for (const std::int64_t column : global_columns) {
        const int owner = map.owner(column);
        if (owner == comm.rank()) {
            shard.columns.push_back(map.local_row(column));
        } else {
            const auto at =
                std::lower_bound(ghosts.begin(), ghosts.end(), Ghost{owner, column}) - ghosts.begin();
            shard.columns.push_back(static_cast<std::int32_t>(shard.num_owned + at));
        }
    }
    shard.plan = plan_exchange(comm, owners, rows_at_owner);
    find_interior(shard);
    return shard;
}

InducedShard induce(const GraphShard& full, const IndexMap& map,
                    std::span<const std::uint8_t> cluster_is_active,
                    std::span<const std::int32_t> clusters_of_extra) {
    InducedShard induced;
    const std::size_t num_mapped = full.owned_ids.size() - clusters_of_extra.size();
    const auto is_active = [&](std::int64_t global_row) {
        return cluster_is_active[static_cast<std::size_t>(map.cluster_of_row(global_row))] != 0;
    };
    std::vector<std::int32_t> new_rows(full.owned_ids.size(), -1);
    std::vector<std::int32_t> new_ghosts(full.ghost_ids.size(), -1);
    GraphShard& shard = induced.shard;
    for (std::size_t r = 0; r < full.owned_ids.size(); ++r) {
        const bool stays =
            r < num_mapped
                ? is_active(full.owned_ids[r])
                : cluster_is_active[static_cast<std::size_t>(clusters_of_extra[r - num_mapped])] != 0;
        if (!stays) continue;
        new_rows[r] = static_cast<std::int32_t>(induced.kept_rows.size());
        induced.kept_rows.push_back(static_cast<std::int32_t>(r));
        shard.owned_ids.push_back(full.owned_ids[r]);
    }
    for (std::size_t g = 0; g < full.ghost_ids.size(); ++g) {
        if (!is_active(full.ghost_ids[g])) continue;
        new_ghosts[g] = static_cast<std::int32_t>(shard.ghost_ids.size());
        shard.ghost_ids.push_back(full.ghost_ids[g]);
    }
    shard.num_owned = static_cast<std::int64_t>(induced.kept_rows.size());
    const auto renamed = [&](std::int32_t column) {
        if (column < full.num_owned) return new_rows[static_cast<std::size_t>(column)];
        const std::int32_t ghost = new_ghosts[static_cast<std::size_t>(column - full.num_owned)];
        return ghost < 0 ? -1 : static_cast<std::int32_t>(shard.num_owned) + ghost;
    };
    for (std::size_t r = 0; r < induced.kept_rows.size(); ++r) {
        const auto own = static_cast<std::int32_t>(r);
        const std::span<const std::int32_t> neighbours = full.neighbours(induced.kept_rows[r]);
        const auto absent = std::count_if(neighbours.begin(), neighbours.end(),
                                          [&](std::int32_t column) { return renamed(column) < 0; });
        bool lacks_itself = absent > 0;
        for (const std::int32_t column : neighbours) {
            const std::int32_t there = renamed(column);
            if (there < 0) continue;
            if (lacks_itself && shard.global_id(there) > shard.owned_ids[r]) {
                shard.columns.push_back(own);
                lacks_itself = false;
            }
            shard.columns.push_back(there);
        }
        if (lacks_itself) shard.columns.push_back(own);
        shard.absent.push_back(static_cast<std::int32_t>(absent));
        shard.row_offsets.push_back(static_cast<std::int64_t>(shard.columns.size()));
    }
    shard.plan = restrict_plan(full.plan, new_rows, new_ghosts);
    find_interior(shard);
    return induced;
}

}  // namespace lapatlas
