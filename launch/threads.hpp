#pragma once

#include <cstdint>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. Sets the threads of this rank: `wanted` if positive, else OMP_NUM_THREADS, else
/// SLURM_CPUS_PER_TASK, else the machine's cores shared by the ranks on it. Returns the number. Floats below
/// 1e-38 count as 0 from here on.
int set_threads(const Communicator& comm, std::int64_t wanted);

}  // namespace lapatlas
