// Approximate neighbours of a prepared dataset's cells, at some settings of the search: what recall costs.
#include <cstdio>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/timer.hpp"
#include "src/graph/knn.hpp"
#include "src/io/prepared_file.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

int neighbours(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() < 3)
        throw ConfigError("lapatlas-bench neighbours PREPARED.h5 K RECALL [PROBES [LISTS]]");
    const PreparedSummary summary = read_prepared_summary(arguments[0]);
    const TrainingBlock block = read_training_block(comm, arguments[0], summary);
    const auto p = static_cast<std::int64_t>(summary.singular_values.size());
    const std::int64_t k = std::stoll(arguments[1]);
    ApproximateKnnOptions options{.recall = std::stod(arguments[2])};
    if (arguments.size() > 3) options.probes = std::stoll(arguments[3]);
    if (arguments.size() > 4) options.lists = std::stoll(arguments[4]);
    Timer timer;
    const NeighbourIndex index(comm, block.scores, p, k, options);
    const KnnGraph graph = index.graph();
    const double seconds = timer.seconds();
    const double recall = knn_recall(comm, block.scores, p, graph, 1000, 99);
    // As many queries as a tenth of the cells, beside the cells themselves.
    std::vector<double> queries(
        block.scores.begin(),
        block.scores.begin() + static_cast<std::ptrdiff_t>(block.scores.size()) / (10 * p) * p);
    for (double& x : queries) x += 1e-6;
    timer = Timer();
    index.query(queries);
    const double of_queries = timer.seconds();
    if (comm.is_root())
        std::printf("%lld cells, k %lld, probes %lld: %.1f s, recall %.4f; queries of a tenth %.1f s\n",
                    static_cast<long long>(summary.num_train), static_cast<long long>(k),
                    static_cast<long long>(options.probes), seconds, recall, of_queries);
    return recall < options.recall - 0.01 ? 1 : 0;
}

}  // namespace lapatlas::bench
