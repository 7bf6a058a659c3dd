#include "partition/metis_partitioner.hpp"

#include <metis.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

/// METIS checks nothing: an edge count beyond its index type, or more parts than rows, would pass in silence.
void require_fits(std::int64_t rows, std::int64_t edges, std::int64_t parts) {
    if (edges >= std::numeric_limits<idx_t>::max())
        throw MetisError("the graph has " + std::to_string(edges) +
                         " edges, METIS takes fewer than 2^31; lower prepare.k");
    if (parts < 1 || parts > rows)
        throw MetisError(std::to_string(parts) + " parts of " + std::to_string(rows) +
                         " rows cannot be made");
}

/// METIS adds weights up in its index type: they keep their proportions when their `total` must be scaled
/// into it.
template <class T>
std::vector<idx_t> scaled(std::span<const T> values, std::int64_t total) {
    const std::int64_t divisor = total / (std::numeric_limits<idx_t>::max() / 2) + 1;
    std::vector<idx_t> narrow;
    for (const T value : values)
        narrow.push_back(static_cast<idx_t>(std::max<std::int64_t>(1, value / divisor)));
    return narrow;
}

std::int64_t total_of(std::span<const std::int64_t> values) {
    return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

/// Few parts by recursive bisection, as METIS's manual advises, more by k-way refinement.
std::vector<idx_t> metis_parts(std::vector<idx_t>& offsets, std::vector<idx_t>& columns,
                               std::vector<idx_t>& row_weights, std::vector<idx_t>* edge_weights,
                               idx_t parts) {
    auto rows = static_cast<idx_t>(offsets.size() - 1);
    std::vector<idx_t> part(static_cast<std::size_t>(rows), 0);
    if (parts == 1) return part;
    if (parts == rows) {
        std::iota(part.begin(), part.end(), 0);
        return part;
    }
    idx_t constraints = 1, cut = 0;
    idx_t options[METIS_NOPTIONS];
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_SEED] = 0;
    options[METIS_OPTION_NUMBERING] = 0;
    // METIS reads columns even of an empty graph.
    if (columns.empty()) columns.push_back(0);
    constexpr idx_t kFewParts = 8;
    const auto partition = parts < kFewParts ? METIS_PartGraphRecursive : METIS_PartGraphKway;
    const int status = partition(&rows, &constraints, offsets.data(), columns.data(), row_weights.data(),
                                 nullptr, edge_weights == nullptr ? nullptr : edge_weights->data(), &parts,
                                 nullptr, nullptr, options, &cut, part.data());
    if (status != METIS_OK) throw MetisError("METIS failed with status " + std::to_string(status));
    return part;
}

/// METIS may leave parts empty on small or disconnected graphs: give each the lightest-numbered row of the
/// largest.
void fill_empty_parts(std::vector<idx_t>& part, idx_t parts) {
    std::vector<std::vector<std::size_t>> members(static_cast<std::size_t>(parts));
    for (std::size_t r = 0; r < part.size(); ++r) members[static_cast<std::size_t>(part[r])].push_back(r);
    for (std::size_t p = 0; p < members.size(); ++p) {
        if (!members[p].empty()) continue;
        auto largest = std::max_element(members.begin(), members.end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
        const std::size_t row = largest->back();
        largest->pop_back();
        members[p].push_back(row);
        part[row] = static_cast<idx_t>(p);
    }
}

}  // namespace

std::string metis_version() {
    return std::to_string(METIS_VER_MAJOR) + "." + std::to_string(METIS_VER_MINOR) + "." +
           std::to_string(METIS_VER_SUBMINOR);
}

std::vector<std::int32_t> partition_by_metis(const Communicator& comm, const DistributedGraph& graph,
                                             std::span<const std::int32_t> row_weights,
                                             std::int32_t num_parts) {
    const std::int64_t edges = all_reduce_sum(comm, static_cast<std::int64_t>(graph.columns.size()));
    require_fits(graph.num_rows, edges, num_parts);

    std::vector<idx_t> degrees, narrow_columns;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        degrees.push_back(static_cast<idx_t>(graph.degree(r)));
    for (const std::int64_t column : graph.columns) narrow_columns.push_back(static_cast<idx_t>(column));
    std::vector<idx_t> all_degrees = gather_v<idx_t>(comm, degrees);
    std::vector<idx_t> columns = gather_v<idx_t>(comm, narrow_columns);
    const std::int64_t total =
        all_reduce_sum(comm, std::accumulate(row_weights.begin(), row_weights.end(), std::int64_t{0}));
    std::vector<idx_t> weights = gather_v<idx_t>(comm, scaled(row_weights, total));

    std::vector<idx_t> part;
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        std::vector<idx_t> offsets(all_degrees.size() + 1, 0);
        std::inclusive_scan(all_degrees.begin(), all_degrees.end(), offsets.begin() + 1);
        part = metis_parts(offsets, columns, weights, nullptr, num_parts);
        fill_empty_parts(part, num_parts);
    });
    return scatter_v<idx_t>(comm, part, graph.rows.size());
}

std::vector<std::int32_t> partition_weighted_graph(std::span<const std::int64_t> offsets,
                                                   std::span<const std::int32_t> neighbours,
                                                   std::span<const std::int64_t> edge_weights,
                                                   std::span<const std::int64_t> row_weights,
                                                   std::int32_t num_parts) {
    require_fits(static_cast<std::int64_t>(row_weights.size()), static_cast<std::int64_t>(neighbours.size()),
                 num_parts);
    std::vector<idx_t> narrow_offsets(offsets.begin(), offsets.end());
    std::vector<idx_t> columns(neighbours.begin(), neighbours.end());
    std::vector<idx_t> edges = scaled(edge_weights, total_of(edge_weights));
    std::vector<idx_t> weights = scaled(row_weights, total_of(row_weights));
    std::vector<idx_t> part = metis_parts(narrow_offsets, columns, weights, &edges, num_parts);
    fill_empty_parts(part, num_parts);
    return part;
}

}  // namespace lapatlas
