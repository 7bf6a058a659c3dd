// Positional encodings of a prepared dataset's graph. peers/encodings.sh runs it and scipy's eigsh in turns.
#include <cstdio>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/timer.hpp"
#include "src/embed/positional_encoding.hpp"
#include "src/io/prepared_file.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

int encodings(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.size() > 3)
        throw ConfigError("lapatlas-bench encodings PREPARED.h5 [COUNT=16 [RESIDUAL=1e-5]]");
    const PreparedSummary summary = read_prepared_summary(arguments[0]);
    TrainingBlock block = read_training_block(comm, arguments[0], summary);
    DistributedGraph graph;
    graph.num_rows = summary.num_train;
    graph.rows = block_of_rank(graph.num_rows, comm.size(), comm.rank());
    graph.row_offsets = std::move(block.graph_offsets);
    graph.columns = std::move(block.graph_columns);
    PositionalEncodingOptions options;
    if (arguments.size() > 1) options.count = std::stoll(arguments[1]);
    if (arguments.size() > 2) options.residual_tolerance = std::stod(arguments[2]);
    options.clusters = {summary.cluster_offsets,
                        {summary.cluster_graph_offsets, summary.cluster_graph_neighbours,
                         summary.cluster_graph_edges, summary.cluster_weights}};
    barrier(comm);
    const Timer timer;
    const Components components = find_components(comm, graph);
    const PositionalEncoding made = positional_encoding(comm, graph, components, options);
    const double seconds = all_reduce_max(comm, timer.seconds());
    if (comm.is_root())
        std::printf(
            "{\"cells\": %lld, \"count\": %lld, \"ranks\": %d, \"seconds\": %.3f, \"residual\": %.3g, "
            "\"products\": %lld, "
            "\"first\": %.9g, \"last\": %.9g}\n",
            static_cast<long long>(graph.num_rows), static_cast<long long>(made.count), comm.size(), seconds,
            made.largest_residual, static_cast<long long>(made.block_products), made.eigenvalues.front(),
            made.eigenvalues.back());
    return made.largest_residual <= options.residual_tolerance ? 0 : 1;
}

}  // namespace lapatlas::bench
