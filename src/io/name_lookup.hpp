#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. The global rows of cells by name: `names` are those of this rank's cells, the first of which
/// is row `first`; -1 for a name in `wanted` that no rank has. Names in `names` must differ. No rank holds
/// more than its share of them: a 64-bit hash says where each is kept, and stands for it there.
std::vector<std::int64_t> find_by_name(const Communicator& comm, const std::vector<std::string>& names,
                                       std::int64_t first, const std::vector<std::string>& wanted);

/// Collective. InputError that begins with `where` if a name occurs twice on any ranks; names the first.
void require_distinct_names(const Communicator& comm, const std::vector<std::string>& names,
                            const std::string& where);

}  // namespace lapatlas
