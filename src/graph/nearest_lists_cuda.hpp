#pragma once

#include <cstdint>

#include "dist/cuda_stream.hpp"

namespace lapatlas::cuda {

/// The points nearest to each query so far, by (score, id), in GPU memory. A score is any float that orders a
/// query's points: |b|^2 - 2 q b as a matrix product gives it. No NaN.
struct NearestSoFar {
    std::int64_t queries = 0;
    int kept = 0;                 ///< up to kMostKept
    float* scores = nullptr;      // [queries, kept] ascending; infinity in unused places
    std::int32_t* ids = nullptr;  // [queries, kept]; -1 in unused places
};
inline constexpr int kMostKept = 128;

/// All places unused. Enqueued on `stream`, as the other; CudaError if it cannot be.
void clear_nearest(const NearestSoFar& nearest, CUstream_st* stream);

/// Offers points first_id, first_id + 1, ... with scores [queries, points] to all queries, but not to the
/// query whose own id it is (own_ids [queries]; null: to all). A point must not be offered twice.
void offer_points(const float* scores, std::int64_t points, std::int32_t first_id,
                  const std::int32_t* own_ids, const NearestSoFar& nearest, CUstream_st* stream);

}  // namespace lapatlas::cuda
