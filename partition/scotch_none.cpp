#include "dist/error.hpp"
#include "partition/scotch_partitioner.hpp"

namespace lapatlas {

bool has_scotch() { return false; }

std::vector<std::int32_t> partition_by_scotch(const Communicator& /*comm*/, const DistributedGraph& /*graph*/,
                                              std::span<const std::int32_t> /*row_weights*/,
                                              std::int32_t /*num_parts*/) {
    throw ConfigError(
        "prepare.partitioner = scotch: this build has no PT-Scotch (Debian: libptscotch-dev); build again "
        "with "
        "it, or use metis");
}

}  // namespace lapatlas
