#pragma once

#include <cstdint>
#include <filesystem>

#include "src/io/h5ad_writer.hpp"

namespace lapatlas {

/// Rank-local. Creates the file with everything but the cells: groups, encoding attributes, genes,
/// categories, uns and the full-sized but unwritten X/indptr, obs columns and obsm/X_latent. Serial, because
/// MPI-IO cannot write text. Left to the writer: X/data and X/indices (HDF5 1.10 hangs in parallel writes of
/// filtered datasets that were created serially: it takes chunks without an address for one and the same) and
/// obs/_index.
void create_h5ad_skeleton(const std::filesystem::path& path, const H5adHeader& header,
                          std::int64_t num_cells);

}  // namespace lapatlas
