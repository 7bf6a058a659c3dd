#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Names by 64-bit hashes, and the rank that keeps what is known of each: the same for equal names on any
/// ranks.
struct HashedNames {
    std::vector<std::uint64_t> hashes;
    std::vector<int> keepers;
};
HashedNames hash_names(const Communicator& comm, std::span<const std::string> names);

/// Makes names unique as anndata does (anndata.utils.make_index_unique): the first of equal names keeps it,
/// later ones get "-1", "-2", ..., skipping what exists. Returns how many were renamed.
std::int64_t make_names_unique(std::vector<std::string>& names);

/// Collective. The same for names dealt to ranks in global order; `names` is this rank's share. Only
/// duplicates (and names that could collide with a new one) travel.
std::int64_t make_names_unique(const Communicator& comm, std::vector<std::string>& names);

}  // namespace lapatlas
