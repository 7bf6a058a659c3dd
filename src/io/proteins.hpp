#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// Collective. Antibody counts (CITE-seq) of a shard's cells from obsm[key] of the .h5ad that they were read
/// from: a table with a column a protein, or an array, whose columns uns[key + "_names"] or
/// uns["protein_names"] names. InputError where there is none, or a value is neither a count nor NaN.
void read_protein_obsm(const Communicator& comm, const Hdf5File& file, const std::string& key,
                       AtlasShard& shard);

/// Rank-local. InputError where a shard's protein is neither a count nor NaN (not measured); it begins with
/// `where`.
void require_protein_counts(const std::string& where, const AtlasShard& shard);

/// Collective. The shard's proteins from the counts of another file, `found`, that input.protein_path names:
/// cells are found by their names; those that it lacks have none. InputError where no cell is found, or a
/// name occurs twice in either.
void attach_proteins(const Communicator& comm, const InputOptions& options, const AtlasShard& found,
                     AtlasShard& shard, Log& log);

}  // namespace lapatlas
