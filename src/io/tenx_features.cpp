#include "src/io/tenx_features.hpp"

#include <algorithm>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/near_names.hpp"
#include "src/io/proteins.hpp"
#include "src/io/row_assembler.hpp"

namespace lapatlas {

void refuse_obs_keys(const InputOptions& options) {
    for (const auto& [key, option] : {std::pair{options.label_key, "label_key"},
                                      {options.batch_key, "batch_key"},
                                      {options.covariate_keys, "covariate_keys"},
                                      {options.split_key, "split_key"},
                                      {options.split_group_key, "split_group_key"},
                                      {options.layer, "layer"}})
        if (!key.empty())
            throw InputError(options.path + ": 10x data have no '" + key + "' (input." + option +
                             "); leave it empty or write an .h5ad file with it");
}

namespace {

/// Features of the type `wanted` become the shard's proteins.
void take_proteins(const std::string& path, const std::string& wanted, const TenxFeatures& features,
                   const CountMatrix& counts, AtlasShard& shard) {
    std::vector<std::int64_t> place(features.names.size(), -1);
    for (std::size_t i = 0; i < features.types.size(); ++i)
        if (features.types[i] == wanted) {
            place[i] = std::ssize(shard.protein_names);
            shard.protein_names.push_back(features.names[i]);
        }
    if (shard.protein_names.empty()) {
        std::vector<std::string> types = features.types;
        std::sort(types.begin(), types.end());
        types.erase(std::unique(types.begin(), types.end()), types.end());
        throw InputError(path + ": no feature is of type '" + wanted + "' (input.protein_key)" +
                         suggest_names(wanted, types));
    }
    const std::int64_t width = std::ssize(shard.protein_names);
    shard.proteins.assign(static_cast<std::size_t>(counts.num_rows() * width), 0);
    for (std::int64_t row = 0; row < counts.num_rows(); ++row) {
        const SparseCounts cell = row_of(counts, row);
        for (std::int64_t e = 0; e < cell.size; ++e)
            if (const std::int64_t p = place[static_cast<std::size_t>(cell.genes[e])]; p >= 0)
                shard.proteins[static_cast<std::size_t>(row * width + p)] += cell.values[e];
    }
}

}  // namespace

void finish_tenx(const Communicator& comm, const InputOptions& options, TenxFeatures features,
                 CountMatrix counts, AtlasShard& shard, Log& log) {
    if (!options.protein_key.empty())
        agreed(comm, [&] {
            take_proteins(options.path, options.protein_key, features, counts, shard);
            require_protein_counts(options.path + ", features of type '" + options.protein_key + "'", shard);
        });
    std::vector<std::int32_t> new_index;
    std::int64_t num_kept = 0;
    for (std::size_t i = 0; i < features.names.size(); ++i) {
        const bool is_gene = features.types.empty() || features.types[i] == "Gene Expression";
        new_index.push_back(is_gene ? static_cast<std::int32_t>(num_kept++) : -1);
        if (!is_gene) continue;
        shard.gene_names.push_back(std::move(features.names[i]));
        shard.gene_ids.push_back(std::move(features.ids[i]));
    }
    const auto others = static_cast<std::int64_t>(new_index.size()) - num_kept;
    const std::int64_t left_out = others - std::ssize(shard.protein_names);
    if (left_out > 0)
        log.info(std::to_string(left_out) + " features that are not \"Gene Expression\" were left out");
    if (others > 0) select_columns(counts, new_index, num_kept);
    const std::int64_t merged = all_reduce_sum(comm, tidy_rows(counts));
    if (merged > 0)
        log.warning(options.path + ": " + std::to_string(merged) +
                    " entries are stored more than once for the same cell and gene; they were added up");
    check_counts(comm, counts, shard, options.path, [] { return std::string(); });
    shard.counts = PackedCounts(counts);
    log.info("counts taken from " + options.path);
}

}  // namespace lapatlas
