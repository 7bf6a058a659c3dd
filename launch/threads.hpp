#pragma once

#include <cstdint>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. Sets the threads of this rank: `wanted` if positive, else SLURM_CPUS_PER_TASK, else the
/// machine's cores shared by the ranks on it. Returns the number.
int set_threads(const Communicator& comm, std::int64_t wanted);

}  // namespace lapatlas
