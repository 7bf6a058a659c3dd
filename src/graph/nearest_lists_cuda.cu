#include "src/graph/nearest_lists_cuda.hpp"

#include "dist/kernel_launch.cuh"

namespace lapatlas::cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kKeys = 512;  ///< the list and, behind it, points that may belong in it
constexpr int kRoom = kKeys - kMostKept;
/// Of an unused place: beyond every point, and what infinity and -1 make.
constexpr std::uint64_t kUnused = std::uint64_t{0xFF800000u} << 32 | 0xFFFFFFFFu;

/// A key that orders by (score, id): floats ordered as unsigned words, ids below.
__device__ std::uint64_t key_of(float score, std::int32_t id) {
    union {
        float number;
        std::uint32_t bits;
    } of{score};
    const std::uint32_t ordered = of.bits ^ ((of.bits >> 31) != 0 ? 0xFFFFFFFFu : 0x80000000u);
    return std::uint64_t{ordered} << 32 | static_cast<std::uint32_t>(id);
}
__device__ float score_of(std::uint64_t key) {
    const auto ordered = static_cast<std::uint32_t>(key >> 32);
    union {
        std::uint32_t bits;
        float number;
    } of{ordered ^ ((ordered >> 31) != 0 ? 0x80000000u : 0xFFFFFFFFu)};
    return of.number;
}

/// Bitonic sort of kKeys by the block.
__device__ void sort_keys(std::uint64_t* keys) {
    for (int size = 2; size <= kKeys; size *= 2) {
        for (int distance = size / 2; distance > 0; distance /= 2) {
            for (int i = static_cast<int>(threadIdx.x); i < kKeys / 2; i += kThreads) {
                const int low = i / distance * 2 * distance + i % distance, high = low + distance;
                const bool ascending = (low & size) == 0;
                const std::uint64_t a = keys[low], b = keys[high];
                if ((a > b) == ascending) {
                    keys[low] = b;
                    keys[high] = a;
                }
            }
            __syncthreads();
        }
    }
}

/// One block a query.
__global__ void __launch_bounds__(kThreads)
    offer_points_kernel(const float* scores, std::int64_t points, std::int32_t first_id,
                        const std::int32_t* own_ids, NearestSoFar nearest) {
    __shared__ std::uint64_t keys[kKeys];
    __shared__ int num_offered;
    const std::int64_t query = blockIdx.x;
    const int thread = static_cast<int>(threadIdx.x);
    const float* row = scores + query * points;
    const std::int64_t own = own_ids != nullptr ? own_ids[query] : -1;
    float* list_scores = nearest.scores + query * nearest.kept;
    std::int32_t* list_ids = nearest.ids + query * nearest.kept;
    for (int i = thread; i < kKeys; i += kThreads)
        keys[i] = i < nearest.kept ? key_of(list_scores[i], list_ids[i]) : kUnused;
    if (thread == 0) num_offered = 0;
    __syncthreads();

    for (std::int64_t first = 0; first < points; first += kThreads) {
        const std::uint64_t worst = keys[nearest.kept - 1];
        if (const std::int64_t point = first + thread; point < points) {
            const auto id = static_cast<std::int32_t>(first_id + point);
            const std::uint64_t key = key_of(row[point], id);
            if (key < worst && id != own) keys[kMostKept + atomicAdd(&num_offered, 1)] = key;
        }
        __syncthreads();
        const int offered = num_offered;
        // All have read it before the next points are offered.
        __syncthreads();
        const bool is_last = first + kThreads >= points;
        if (offered == 0 || (offered <= kRoom - kThreads && !is_last)) continue;
        sort_keys(keys);
        for (int i = nearest.kept + thread; i < kKeys; i += kThreads) keys[i] = kUnused;
        if (thread == 0) num_offered = 0;
        __syncthreads();
    }
    for (int i = thread; i < nearest.kept; i += kThreads) {
        list_scores[i] = score_of(keys[i]);
        list_ids[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(keys[i]));
    }
}

__global__ void __launch_bounds__(kThreads) clear_kernel(NearestSoFar nearest) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at >= nearest.queries * nearest.kept) return;
    nearest.scores[at] = score_of(kUnused);
    nearest.ids[at] = -1;
}

}  // namespace

void clear_nearest(const NearestSoFar& nearest, CUstream_st* stream) {
    const std::int64_t places = nearest.queries * nearest.kept;
    launch("clear_nearest", clear_kernel, dim3(blocks_of(places, kThreads)), dim3(kThreads), stream, nearest);
}

void offer_points(const float* scores, std::int64_t points, std::int32_t first_id,
                  const std::int32_t* own_ids, const NearestSoFar& nearest, CUstream_st* stream) {
    ensure(nearest.kept >= 1 && nearest.kept <= kMostKept, "a list keeps 1 to 128 points");
    launch("offer_points", offer_points_kernel, dim3(static_cast<unsigned>(points > 0 ? nearest.queries : 0)),
           dim3(kThreads), stream, scores, points, first_id, own_ids, nearest);
}

}  // namespace lapatlas::cuda
