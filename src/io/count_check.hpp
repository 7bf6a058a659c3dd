#pragma once

#include <functional>
#include <string>

#include "dist/communicator.hpp"
#include "src/io/atlas_shard.hpp"

namespace lapatlas {

/// What is wrong with a value as a count ("is negative", ...); null if nothing is. Beyond 2^24 a float no
/// longer holds every whole number.
const char* fault_of_count(float value);

/// Rank-local.
bool all_are_counts(const CountMatrix& counts);

/// Collective. InputError with the first offending (cell, gene, value) in global order unless all values are
/// finite, non-negative and whole. `shard` names cells and genes, `source` file and matrix; `advice` is
/// called on the failing rank alone for the end of the message.
void check_counts(const Communicator& comm, const CountMatrix& counts, const AtlasShard& shard,
                  const std::string& source, const std::function<std::string()>& advice);

/// Collective. The same for values of any kind, which must be finite.
void check_finite(const Communicator& comm, const CountMatrix& values, const AtlasShard& shard,
                  const std::string& source);

}  // namespace lapatlas
