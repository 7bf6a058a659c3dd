#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Sums gradients over ranks while they are still being made. Parameters are registered once, in the order in
/// which backward finishes them; neighbours in that order share a bucket. A bucket is reduced as soon as all
/// its slots are ready. Hang hazard: every rank must mark the same slots ready in the same order in every
/// step.
class GradientReducer {
  public:
    virtual ~GradientReducer() = default;
    /// Where parameter `index` puts its gradient of this step.
    virtual std::span<float> slot(std::size_t index) = 0;
    /// The gradient in slot `index` is complete on this rank.
    virtual void mark_ready(std::size_t index) = 0;
    /// Waits for every bucket; all slots then hold sums over ranks. Throws InternalError if a slot was never
    /// ready.
    virtual void finish() = 0;
    /// Seconds this rank waited in finish() so far; NaN where that cannot be told from computing.
    virtual double exposed_seconds() const = 0;
};

/// Collective. All-reduce by MPI_Iallreduce in buckets of about `bucket_bytes`. `sizes`: values of each
/// parameter.
std::unique_ptr<GradientReducer> make_mpi_gradient_reducer(const Communicator& comm,
                                                           std::vector<std::int64_t> sizes,
                                                           std::int64_t bucket_bytes = 4 << 20);

}  // namespace lapatlas
