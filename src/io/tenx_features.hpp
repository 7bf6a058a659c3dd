#pragma once

#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/input_options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// The rows of a 10x matrix. `types` may be empty: then all are genes.
struct TenxFeatures {
    std::vector<std::string> ids, names, types;  // [num_features]
};

/// InputError if options ask for columns or layers, which 10x files do not have.
void refuse_obs_keys(const InputOptions& options);

/// Collective. Common end of both 10x readers: features of the type input.protein_key ("Antibody Capture")
/// become proteins; leaves others than "Gene Expression" out (said once), tidies the rows, names the genes,
/// checks the counts and packs them.
void finish_tenx(const Communicator& comm, const InputOptions& options, TenxFeatures features,
                 CountMatrix counts, AtlasShard& shard, Log& log);

}  // namespace lapatlas
