#pragma once

#include <functional>
#include <string>

#include "dist/communicator.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What is wrong with a value as a count ("is negative", ...); null if nothing is. Beyond 2^24 a float no
/// longer holds every whole number.
const char* fault_of_count(float value);

/// Collective. True on every rank if every value of every rank is a count.
bool all_are_counts(const Communicator& comm, const CountMatrix& counts);

/// Collective. InputError with the first offending (cell, gene, value) in global order unless all values are
/// finite, non-negative and whole. `source` names file and matrix; `advice` is called on the failing rank
/// alone for the end of the message.
void check_counts(const Communicator& comm, const AtlasShard& shard, const std::string& source,
                  const std::function<std::string()>& advice);

}  // namespace lapatlas
