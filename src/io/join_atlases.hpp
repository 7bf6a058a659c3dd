#pragma once

#include <string>
#include <vector>

#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// How the genes of several files become those of one atlas (as anndata.concat does with var).
struct GeneJoin {
    bool by_id = false;                                ///< found: by Ensembl id, else by name
    std::vector<std::string> names, ids;               // [genes]; ids empty unless a file has them
    std::vector<std::vector<std::int32_t>> new_index;  // [files][genes of the file], -1 left out
};

/// Rank-local. Genes in the order of the first file, those of later files behind. By ids where all files have
/// them and more are in every file so. Names (and ids) must be unique within a file. InputError if no gene is
/// left.
GeneJoin join_genes(const std::vector<std::vector<std::string>>& names,
                    const std::vector<std::vector<std::string>>& ids, bool outer);

/// Rank-local, without messages: one file's part of this rank's block at the end of `atlas`, whose genes are
/// `join`'s. Labels and batches are renumbered: `label_names` and `batch_names` of `atlas` are those of all
/// files, sorted.
void append_file(AtlasShard& atlas, AtlasShard file, const std::vector<std::int32_t>& new_index);

}  // namespace lapatlas
