#include "partition/scotch_partitioner.hpp"

#include <cstdio>
// Needs <cstdio> and MPI before it.
#include <ptscotch.h>

#include <algorithm>
#include <string>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

static_assert(sizeof(SCOTCH_Num) == sizeof(std::int64_t), "PT-Scotch with 64-bit numbers");

void check_scotch(int code, const char* call) {
    if (code != 0) throw MetisError(std::string("PT-Scotch's ") + call + " failed");
}

/// Gives parts without rows one of the largest part each, the last in global order.
void fill_empty_parts(const Communicator& comm, std::vector<std::int32_t>& part, std::int32_t num_parts) {
    std::vector<std::int64_t> mine(static_cast<std::size_t>(num_parts), 0);
    for (const std::int32_t p : part) ++mine[static_cast<std::size_t>(p)];
    std::vector<std::int64_t> sizes = mine;
    all_reduce_sum(comm, std::span<std::int64_t>(sizes));
    for (std::int32_t empty = 0; empty < num_parts; ++empty) {
        if (sizes[static_cast<std::size_t>(empty)] > 0) continue;
        const auto largest =
            static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
        const int giver =
            all_reduce_max(comm, static_cast<std::int32_t>(mine[largest] > 0 ? comm.rank() : -1));
        if (comm.rank() == giver) {
            *std::find(part.rbegin(), part.rend(), static_cast<std::int32_t>(largest)) = empty;
            --mine[largest];
        }
        --sizes[largest];
        sizes[static_cast<std::size_t>(empty)] = 1;
    }
}

/// What PT-Scotch makes and wants back.
struct Scotch {
    SCOTCH_Context context;
    SCOTCH_Dgraph graph, bound;
    SCOTCH_Strat strategy;

    explicit Scotch(const Communicator& comm) {
        check_scotch(SCOTCH_contextInit(&context), "contextInit");
        // Every rank has the same random numbers in every run.
        check_scotch(SCOTCH_contextOptionSetNum(&context, SCOTCH_OPTIONNUMDETERMINISTIC, 1),
                     "contextOptionSetNum");
        check_scotch(SCOTCH_contextRandomClone(&context), "contextRandomClone");
        SCOTCH_contextRandomReset(&context);
        check_scotch(SCOTCH_dgraphInit(&graph, comm.handle()), "dgraphInit");
        check_scotch(SCOTCH_dgraphInit(&bound, comm.handle()), "dgraphInit");
        check_scotch(SCOTCH_stratInit(&strategy), "stratInit");
    }
    ~Scotch() {
        SCOTCH_stratExit(&strategy);
        SCOTCH_dgraphExit(&bound);
        SCOTCH_dgraphExit(&graph);
        SCOTCH_contextExit(&context);
    }
    Scotch(const Scotch&) = delete;
    Scotch& operator=(const Scotch&) = delete;
};

}  // namespace

bool has_scotch() { return true; }

std::vector<std::int32_t> partition_by_scotch(const Communicator& comm, const DistributedGraph& graph,
                                              std::span<const std::int32_t> row_weights,
                                              std::int32_t num_parts) {
    if (num_parts < 1 || num_parts > graph.num_rows)
        throw MetisError(std::to_string(num_parts) + " parts of " + std::to_string(graph.num_rows) +
                         " rows cannot be made");
    // PT-Scotch reads the arrays where they lie and does not write to them.
    auto* offsets = const_cast<SCOTCH_Num*>(graph.row_offsets.data());
    auto* columns = const_cast<SCOTCH_Num*>(graph.columns.data());
    std::vector<SCOTCH_Num> weights(row_weights.begin(), row_weights.end());
    const OwnedCommunicator own = OwnedCommunicator::duplicate(comm);
    Scotch scotch(own.view());
    const SCOTCH_Num rows = graph.rows.size(), edges = static_cast<SCOTCH_Num>(graph.columns.size());
    check_scotch(SCOTCH_dgraphBuild(&scotch.graph, 0, rows, rows, offsets, offsets + 1, weights.data(),
                                    nullptr, edges, edges, columns, nullptr, nullptr),
                 "dgraphBuild");
    check_scotch(SCOTCH_contextBindDgraph(&scotch.context, &scotch.graph, &scotch.bound),
                 "contextBindDgraph");
    constexpr double kImbalance = 0.03;  // METIS's own
    check_scotch(
        SCOTCH_stratDgraphMapBuild(&scotch.strategy, SCOTCH_STRATDEFAULT, comm.size(), num_parts, kImbalance),
        "stratDgraphMapBuild");
    std::vector<SCOTCH_Num> wide(static_cast<std::size_t>(std::max<SCOTCH_Num>(1, rows)));
    check_scotch(SCOTCH_dgraphPart(&scotch.bound, num_parts, &scotch.strategy, wide.data()), "dgraphPart");
    std::vector<std::int32_t> part(wide.begin(), wide.begin() + rows);
    fill_empty_parts(comm, part, num_parts);
    return part;
}

}  // namespace lapatlas
