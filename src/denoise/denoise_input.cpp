#include "src/denoise/denoise_input.hpp"

#include <algorithm>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/error.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/h5ad_frame.hpp"

namespace lapatlas {

namespace {

InputOptions source_of_query(const Communicator& comm, const Config& config) {
    InputOptions source;
    source.path = config.denoise.query;
    source.layer = config.denoise.layer.empty() ? config.input.layer : config.denoise.layer;
    source.values = config.input.values;
    source.recover_counts = config.input.recover_counts;
    // Labels are compared with what the reference says where the file has some.
    source.label_key = agreed(comm, [&] { return obs_column_if_there(source.path, config.input.label_key); });
    return source;
}

}  // namespace

DenoiseInput read_denoise_input(const Communicator& comm, const Config& config, Log& log) {
    agreed(comm, [&] {
        if (config.denoise.query.empty())
            throw ConfigError("which cells? lapatlas denoise CONFIG.toml --query FILE.h5ad (denoise.query)");
    });
    log.stage("read " + config.input.path + " and " + config.denoise.query);
    AtlasShard reference = read_atlas(comm, config.input, log);
    DenoiseInput input;
    input.query = read_atlas(comm, source_of_query(comm, config), log);
    if (std::min(reference.num_cells, input.query.num_cells) < comm.size())
        throw InputError("reference and query need a cell for each of the " + std::to_string(comm.size()) +
                         " ranks; start fewer ranks");
    input.query_obs = read_obs_columns(comm, config.denoise.query, input.query.first_cell,
                                       std::ssize(input.query.cell_names), log);
    input.reference_labels = reference.labels;
    input.label_names = reference.label_names;
    if (config.denoise.align_batches) {
        require_batches(comm, reference, config.input);
        input.reference_batches = reference.batches;
        if (config.input.batch_key.empty()) input.reference_batches.assign(reference.labels.size(), 0);
        input.num_batches = std::max<std::int64_t>(1, std::ssize(reference.batch_names));
    }
    AtlasShard of_query;
    of_query.gene_names = input.query.gene_names;
    of_query.gene_ids = input.query.gene_ids;
    of_query.counts = std::move(input.query.counts);
    of_query.values = std::move(input.query.values);
    input.shared = share_genes(comm, std::move(reference), std::move(of_query), config, log);
    return input;
}

}  // namespace lapatlas
