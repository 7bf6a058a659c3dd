// The baseline that a model must beat, as an atlas that `lapatlas evaluate` takes.
#include <cstdio>
#include <string>
#include <vector>

#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/evaluate/marginal_sampler.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/io/prepared_file.hpp"
#include "src/run_folder.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

int marginal(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() != 2 || comm.size() != 1)
        throw ConfigError("lapatlas-bench marginal RUN OUTPUT.h5ad, on one rank");
    const RunFolder run{arguments[0]};
    const Config config = read_config(run.config());
    const PreparedSummary summary = read_prepared_summary(run.prepared());
    const IndexMap whole(summary.cluster_offsets, std::vector<int>(summary.cluster_offsets.size() - 1, 0), 1);
    const PreparedRows train = read_prepared_rows(run.prepared(), summary, whole, 0);

    // Four cells of each training cell's type: enough of every type for any halving.
    H5adRows rows;
    std::vector<std::int32_t> labels;
    for (int copy = 0; copy < 4; ++copy)
        labels.insert(labels.end(), train.labels.begin(), train.labels.end());
    const CountMatrix cells = sample_marginals(train.counts.rows(0, train.counts.num_rows()), train.labels,
                                               labels, static_cast<std::uint64_t>(config.runtime.seed));
    H5adHeader header;
    header.gene_names = summary.gene_names;
    header.gene_ids = summary.gene_ids;
    header.uns["lapatlas/stage"] = "gene-wise draws per type (baseline)";
    if (!summary.label_names.empty()) {
        header.categorical_obs.push_back({config.input.label_key, summary.label_names});
        rows.codes.push_back(labels);
    }
    rows.counts = &cells;
    H5adWriter writer(comm, arguments[1], header, cells.num_rows());
    writer.append(rows);
    writer.finish();
    std::printf("%s: %lld cells\n", arguments[1].c_str(), static_cast<long long>(cells.num_rows()));
    return 0;
}

}  // namespace lapatlas::bench
