// Compiled without fused multiply-adds: a bound or a search then rounds as on the CPU.
#include "src/decode/count_sampling_cuda.hpp"

#include <cfloat>

#include "dist/block_reduce.cuh"
#include "src/decode/count_inversion.hpp"
#include "src/random/philox.hpp"

namespace lapatlas::cuda {

namespace {

constexpr int kThreads = 256;
/// As in count_sampling.cpp: word j of Philox call (tile * kLanes + lane) belongs to gene tile * kTile + j *
/// kLanes
/// + lane.
constexpr int kLanes = 16, kTile = 4 * kLanes;
constexpr int kGenesARound = 4 * kThreads;
/// Candidates that are gathered before the block searches for their counts together.
constexpr int kEnough = 2 * kThreads;

/// Half a warp sums a row: its 16 lanes are those of the CPU's vectors.
__global__ void __launch_bounds__(kThreads)
    log_sum_exp_kernel(const float* logits, std::int64_t cells, std::int64_t genes, double* totals) {
    const std::int64_t cell = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / kLanes;
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
    const float* row = logits + cell * genes;
    const bool has_row = cell < cells;
    float largest = -INFINITY;
    if (has_row)
        for (std::int64_t g = lane; g < genes; g += kLanes) largest = row[g] > largest ? row[g] : largest;
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
        const float other = __shfl_xor_sync(kAllLanes, largest, distance);
        largest = other > largest ? other : largest;
    }
    double sum = 0;
    if (has_row) {
        for (std::int64_t g = lane; g < genes; g += kLanes)
            sum += static_cast<double>(fast_exp(row[g] - largest));
        // The CPU pads the last vector with rates of zero, whose fast_exp is e^-87.
        if (lane >= genes % kLanes && genes % kLanes != 0)
            sum += static_cast<double>(fast_exp(-INFINITY - largest));
    }
    double total = 0;
    const int first_lane = static_cast<int>(threadIdx.x) % kWarp / kLanes * kLanes;
    for (int source = 0; source < kLanes; ++source) total += __shfl_sync(kAllLanes, sum, first_lane + source);
    if (has_row && lane == 0) totals[cell] = static_cast<double>(largest) + log(total);
}

struct Candidate {
    std::int32_t gene;
    std::uint32_t word;
};

/// One block a cell.
__global__ void __launch_bounds__(kThreads)
    draw_counts_kernel(CountDraws draws, const float* log_offsets, float* values, std::int32_t* row_sizes,
                       unsigned long long* first_bad) {
    __shared__ Candidate candidates[kEnough + kGenesARound];
    __shared__ int num_candidates, num_positive;
    const std::int64_t cell = blockIdx.x;
    const int thread = static_cast<int>(threadIdx.x);
    const auto item = static_cast<std::uint64_t>(draws.first_cell + cell);
    const PlacedRandom words(draws.seed, RandomStream::kCounts);
    const PlacedRandom tail_words(draws.seed, RandomStream::kCountsTail);
    float* row = values + cell * draws.genes;
    const float offset = log_offsets[cell];
    const std::int64_t dispersion_row = draws.dispersion_rows != nullptr ? draws.dispersion_rows[cell] : 0;
    const float* theta =
        draws.dispersion != nullptr ? draws.dispersion + dispersion_row * draws.genes : nullptr;
    if (thread == 0) num_candidates = num_positive = 0;
    __syncthreads();

    const std::int64_t rounds = (draws.genes + kGenesARound - 1) / kGenesARound;
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t call = round * kThreads + thread;
        const std::int64_t first_gene = call / kLanes * kTile + call % kLanes;
        if (first_gene < draws.genes) {
            const auto word = words.words(item, 0, static_cast<std::uint32_t>(call));
            for (int j = 0; j < 4; ++j) {
                const std::int64_t gene = first_gene + j * kLanes;
                if (gene >= draws.genes) break;
                const float rate = row[gene] + offset;
                const float spread = theta != nullptr ? theta[gene] : 1.0f;
                if (!(rate <= kLargestLogRate) || !(spread > 0) || !(spread <= FLT_MAX)) {
                    atomicMin(first_bad, static_cast<unsigned long long>(cell * draws.genes + gene));
                    row[gene] = 0;
                    continue;
                }
                const float mean = fast_exp(rate);
                const float bound =
                    positive_bound(mean, theta != nullptr ? zero_exponent(mean, spread) : mean);
                // 24 bits, rounded down: never above the u that the tail word completes.
                const float u =
                    static_cast<float>(word[static_cast<std::size_t>(j)] >> 8) * (1.0f / 16777216.0f);
                if (u <= bound) {
                    // The log rate stays in its place until the search.
                    candidates[atomicAdd(&num_candidates, 1)] = {static_cast<std::int32_t>(gene),
                                                                 word[static_cast<std::size_t>(j)]};
                } else {
                    row[gene] = 0;
                }
            }
        }
        __syncthreads();
        const int gathered = num_candidates;
        // All have read it before the next round adds to it.
        __syncthreads();
        if (gathered < kEnough && round + 1 < rounds) continue;
        if (thread == 0) num_candidates = 0;
        int positive = 0;
        for (int i = thread; i < gathered; i += kThreads) {
            const auto [gene, word] = candidates[i];
            const std::uint32_t low = tail_words.words(item, 0, static_cast<std::uint32_t>(gene))[0];
            const double mean = exp(static_cast<double>(row[gene] + offset));
            const std::int64_t count = invert_count(
                uniform_double(word, low), mean, theta != nullptr ? static_cast<double>(theta[gene]) : 0.0);
            row[gene] = static_cast<float>(count);
            positive += count > 0 ? 1 : 0;
        }
        if (positive > 0) atomicAdd(&num_positive, positive);
        __syncthreads();
    }
    if (thread == 0) row_sizes[cell] = num_positive;
}

constexpr int kScanThreads = 1024;

/// One block: every thread sums a stretch of rows, the first thread the stretches.
__global__ void __launch_bounds__(kScanThreads)
    offsets_kernel(const std::int32_t* row_sizes, std::int64_t cells, std::int64_t* row_offsets) {
    __shared__ std::int64_t before[kScanThreads];
    const std::int64_t thread = threadIdx.x;
    const std::int64_t first = thread * cells / kScanThreads, last = (thread + 1) * cells / kScanThreads;
    std::int64_t sum = 0;
    for (std::int64_t cell = first; cell < last; ++cell) sum += row_sizes[cell];
    before[thread] = sum;
    __syncthreads();
    if (thread == 0) {
        std::int64_t total = 0;
        for (int t = 0; t < kScanThreads; ++t) {
            const std::int64_t own = before[t];
            before[t] = total;
            total += own;
        }
        row_offsets[cells] = total;
    }
    __syncthreads();
    sum = before[thread];
    for (std::int64_t cell = first; cell < last; ++cell) {
        row_offsets[cell] = sum;
        sum += row_sizes[cell];
    }
}

/// One warp a cell.
__global__ void __launch_bounds__(kThreads)
    compact_rows_kernel(const float* values, std::int64_t cells, std::int64_t genes,
                        const std::int64_t* row_offsets, std::int32_t* gene_indices, float* counts) {
    const std::int64_t cell = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / kWarp;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (cell >= cells) return;
    const float* row = values + cell * genes;
    std::int64_t end = row_offsets[cell];
    for (std::int64_t first = 0; first < genes; first += kWarp) {
        const std::int64_t gene = first + lane;
        const float value = gene < genes ? row[gene] : 0.0f;
        const unsigned positive = __ballot_sync(kAllLanes, value > 0);
        if (value > 0) {
            const std::int64_t at = end + __popc(positive & ((1u << lane) - 1));
            gene_indices[at] = static_cast<std::int32_t>(gene);
            counts[at] = value;
        }
        end += __popc(positive);
    }
}

}  // namespace

void log_sum_exps(const float* logits, std::int64_t cells, std::int64_t genes, double* totals,
                  CUstream_st* stream) {
    launch("log_sum_exps", log_sum_exp_kernel, dim3(blocks_of(cells, kThreads / kLanes)), dim3(kThreads),
           stream, logits, cells, genes, totals);
}

void draw_counts(const CountDraws& draws, const float* log_offsets, float* values, std::int32_t* row_sizes,
                 unsigned long long* first_bad, CUstream_st* stream) {
    launch("draw_counts", draw_counts_kernel, dim3(static_cast<unsigned>(draws.cells)), dim3(kThreads),
           stream, draws, log_offsets, values, row_sizes, first_bad);
}

void offsets_of_rows(const std::int32_t* row_sizes, std::int64_t cells, std::int64_t* row_offsets,
                     CUstream_st* stream) {
    launch("offsets_of_rows", offsets_kernel, dim3(1), dim3(kScanThreads), stream, row_sizes, cells,
           row_offsets);
}

void compact_rows(const float* values, std::int64_t cells, std::int64_t genes,
                  const std::int64_t* row_offsets, std::int32_t* gene_indices, float* counts,
                  CUstream_st* stream) {
    launch("compact_rows", compact_rows_kernel, dim3(blocks_of(cells, kThreads / kWarp)), dim3(kThreads),
           stream, values, cells, genes, row_offsets, gene_indices, counts);
}

}  // namespace lapatlas::cuda
