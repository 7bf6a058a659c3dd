#include "src/io/tenx_features.hpp"

#include <utility>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/row_assembler.hpp"

namespace lapatlas {

void refuse_obs_keys(const InputOptions& options) {
    for (const auto& [key, option] : {std::pair{options.label_key, "label_key"},
                                      {options.batch_key, "batch_key"},
                                      {options.covariate_keys, "covariate_keys"},
                                      {options.protein_key, "protein_key"},
                                      {options.split_key, "split_key"},
                                      {options.split_group_key, "split_group_key"},
                                      {options.layer, "layer"}})
        if (!key.empty())
            throw InputError(options.path + ": 10x data have no '" + key + "' (input." + option +
                             "); leave it empty or write an .h5ad file with it");
}

void finish_tenx(const Communicator& comm, const InputOptions& options, TenxFeatures features,
                 CountMatrix counts, AtlasShard& shard, Log& log) {
    std::vector<std::int32_t> new_index;
    std::int64_t num_kept = 0;
    for (std::size_t i = 0; i < features.names.size(); ++i) {
        const bool is_gene = features.types.empty() || features.types[i] == "Gene Expression";
        new_index.push_back(is_gene ? static_cast<std::int32_t>(num_kept++) : -1);
        if (!is_gene) continue;
        shard.gene_names.push_back(std::move(features.names[i]));
        shard.gene_ids.push_back(std::move(features.ids[i]));
    }
    const auto left_out = static_cast<std::int64_t>(new_index.size()) - num_kept;
    if (left_out > 0) {
        log.info(std::to_string(left_out) + " features that are not \"Gene Expression\" were left out");
        select_columns(counts, new_index, num_kept);
    }
    const std::int64_t merged = all_reduce_sum(comm, tidy_rows(counts));
    if (merged > 0)
        log.warning(options.path + ": " + std::to_string(merged) +
                    " entries are stored more than once for the same cell and gene; they were added up");
    check_counts(comm, counts, shard, options.path, [] { return std::string(); });
    shard.counts = PackedCounts(counts);
    log.info("counts taken from " + options.path);
}

}  // namespace lapatlas
