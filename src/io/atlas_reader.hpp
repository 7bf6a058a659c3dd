#pragma once

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// Collective. Reads an .h5ad file, a 10x .h5 file or a 10x folder (matrix.mtx[.gz], features.tsv[.gz] or
/// genes.tsv, barcodes.tsv[.gz]). Each rank gets its block of rows (block_of_rank) and reads no more than its
/// share. Columns ascend within a row, no zeros are stored, names are unique, all values are counts. What is
/// odd but usable is one warning each; what is wrong is an InputError naming file, object and remedy.
AtlasShard read_atlas(const Communicator& comm, const InputOptions& options, Log& log);

/// Collective. InputError if a cell has no batch: what such a cell looks like cannot be learned.
void require_batches(const Communicator& comm, const AtlasShard& atlas, const InputOptions& options);

}  // namespace lapatlas
