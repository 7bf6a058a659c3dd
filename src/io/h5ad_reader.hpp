#pragma once

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"
#include "src/io/file_rows.hpp"

namespace lapatlas {

/// Collective. The counts and the asked-for obs columns of an .h5ad file. With `options.layer` empty, the
/// first of X, layers/counts, layers/raw*, raw/X that holds counts is taken; with recover_counts and none of
/// them, the first matrix whose counts can be proven and recovered. Names are as stored (not made unique),
/// rows are tidied; the values are checked to be counts. Cells are numbered as in the file.
AtlasShard read_h5ad(const Communicator& comm, const InputOptions& options, const FileRows& rows, Log& log);

}  // namespace lapatlas
