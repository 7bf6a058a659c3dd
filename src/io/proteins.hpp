#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// Collective. Antibody counts (CITE-seq) of a shard's cells from obsm[key] of the .h5ad that they were read
/// from: a table with a column a protein, or an array, whose columns uns[key + "_names"] or
/// uns["protein_names"] names. InputError where there is none, or a value is neither a count nor NaN.
void read_protein_obsm(const Communicator& comm, const std::string& path, const std::string& key,
                       AtlasShard& shard);

/// Collective. The same from the counts of another file, input.protein_path, with its cells' names; cells
/// that it lacks have none. InputError where no cell is found.
void read_protein_file(const Communicator& comm, const InputOptions& options, AtlasShard& shard, Log& log);

}  // namespace lapatlas
