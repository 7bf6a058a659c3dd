#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// The genes that two files share, in the order of the reference, and the cells of both over them.
struct SharedGenes {
    std::vector<std::string> names, ids;  ///< ids: empty where the reference has none
    CountMatrix reference, query;         // [local rows, genes]: counts, or values as given
    std::vector<std::int32_t> used;       ///< ascending; those that latents are made of
};

/// Collective. Of counts those genes are used that `prepare` would: seen in prepare.min_cells cells of the
/// reference and, where prepare.highly_variable_genes asks for it, its most variable ones; of values as given
/// all. What is shared and used is said. The matrices of both atlases are given away. InputError where two
/// files share fewer than two genes.
SharedGenes share_genes(const Communicator& comm, AtlasShard reference, AtlasShard query,
                        const Config& config, Log& log);

}  // namespace lapatlas
