#pragma once

#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas::bench {

// Each bench first checks its result against a reference and returns 1 without a time if that fails.

/// Exact count draws, cells a second on one core, beside std::poisson_distribution.
int counts(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. Hot kernels beside the arithmetic and memory of a core: [--scale=16] [--calls=9]
/// [--output=PAGE.html].
int kernels(const Communicator& comm, const std::vector<std::string>& arguments);

/// Not a timing: writes an atlas of gene-wise independent draws per type, the baseline of every figure.
int marginal(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. On a GPU, beside LibTorch: graph product, first layer, likelihood, count draws, neighbours; and
/// generation by the runs that are named. ConfigError where there is no GPU.
int gpu(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Approximate neighbours of PREPARED.h5: seconds and recall.
int neighbours(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Positional encodings of PREPARED.h5's graph: one line of JSON.
int encodings(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. A trained model's sampler beside 1,000 ancestral steps with its network.
int sampler(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. Time and memory a cell of runs' stages: CELLS=LOG.jsonl ... [--output=PAGE.html].
int stages(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Training steps on PREPARED.h5: seconds a step and peak memory, as JSON.
int step(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. An atlas's counts, held in memory, written again by H5adWriter: one line of JSON.
int writing(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. Whole-graph training steps on PREPARED.h5 as a point of a scaling study: figures, and the
/// study point that others are made from (joint_step_program, calibrated).
int scaling(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective, pairs of ranks. Latency, bandwidth and the work of a core that a byte takes: [CALLS=7].
int link(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. Study points for other numbers of ranks, like a measured one.
int points(const Communicator& comm, const std::vector<std::string>& arguments);

/// Collective. The skeleton of a study point's steps with this MPI.
int skeleton(const Communicator& comm, const std::vector<std::string>& arguments);

/// One rank. A folder of figures as a page and a table.
int collate(const Communicator& comm, const std::vector<std::string>& arguments);

}  // namespace lapatlas::bench
