#pragma once

#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas::bench {

// Each bench first checks its result against a reference and returns 1 without a time if that fails.

/// Exact count draws, cells a second on one core, beside std::poisson_distribution.
int counts(const Communicator& comm, const std::vector<std::string>& arguments);

/// Not a timing: writes an atlas of gene-wise independent draws per type, the baseline of every figure.
int marginal(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. On a GPU, beside LibTorch: graph product, first layer, likelihood, count draws, neighbours; and
/// generation by the runs that are named. ConfigError where there is no GPU.
int gpu(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Approximate neighbours of PREPARED.h5: seconds and recall.
int neighbours(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Training steps on PREPARED.h5: seconds a step and peak memory, as JSON.
int step(const Communicator& comm, const std::vector<std::string>& arguments);

}  // namespace lapatlas::bench
