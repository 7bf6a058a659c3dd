#pragma once

#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"
#include "src/io/file_rows.hpp"

namespace lapatlas {

/// True for Cell Ranger's feature-barcode HDF5 (version 3: group "matrix"; version 2: one group a genome).
bool is_tenx_h5(const Hdf5File& file);

/// Collective. A 10x .h5 file. It stores genes x cells in compressed columns: our rows as they lie. Features
/// other than "Gene Expression" are left out, and said.
AtlasShard read_tenx_h5(const Communicator& comm, const InputOptions& options, const FileRows& rows,
                        Log& log);

/// Collective. A folder with matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv, each plain or .gz.
/// Rank 0 streams the text and deals entries to the owners of their rows, round by round.
AtlasShard read_tenx_mtx(const Communicator& comm, const InputOptions& options, const FileRows& rows,
                         Log& log);

}  // namespace lapatlas
