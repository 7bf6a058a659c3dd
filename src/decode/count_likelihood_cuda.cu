#include "src/decode/count_likelihood_cuda.hpp"

#include "dist/block_reduce.cuh"
#include "src/decode/gamma_terms.hpp"

namespace lapatlas::cuda {

namespace {

constexpr int kThreads = 512;
/// Rates beyond e^20 are no counts, as on the CPU.
constexpr float kLargestLogMean = 20.0f;
/// A mean that underflowed would make the log infinite where the model is merely very wrong.
constexpr float kSmallestMean = 1e-30f;

/// mean = factor * exp(min(logit, bound) - shift), with or without a size factor.
struct CellMean {
    float factor, shift, bound;
    __device__ float operator()(float logit) const { return factor * expf(fminf(logit, bound) - shift); }
};

/// library * softmax. Threads of the block look at the row together.
__device__ CellMean softmax_mean(const float* logits, std::int64_t genes, float library) {
    float largest = -INFINITY, total = 0;
    for (std::int64_t g = threadIdx.x; g < genes; g += kThreads) {
        const float logit = logits[g];
        if (logit > largest) {
            total = total * expf(largest - logit) + 1;
            largest = logit;
        } else {
            total += expf(logit - largest);
        }
    }
    const float shift = block_max(largest);
    total = block_sum(total > 0 ? total * expf(largest - shift) : 0.0f);
    return {library / total, shift, INFINITY};
}

/// What a gene adds as if its count were 0. slope: d/d log mean; dispersion: d/d log theta.
struct DenseTerms {
    float loss, slope, dispersion;
};
__device__ DenseTerms dense_terms(float mean, const float* theta, std::int64_t gene) {
    if (theta == nullptr) return {mean, mean, 0};
    const float ratio = mean / theta[gene];
    const float loss = theta[gene] * log1pf(ratio), slope = mean / (1 + ratio);
    return {loss, slope, loss - slope};
}

/// What a count x above zero changes; slope becomes less by `rest`.
struct CountTerms {
    double loss;
    float rest, dispersion;
};
__device__ CountTerms count_terms(float mean, const float* theta_of_genes, std::int32_t gene, float x) {
    const float mu = fmaxf(mean, kSmallestMean);
    if (theta_of_genes == nullptr) return {log_gamma(x + 1.0) - x * static_cast<double>(logf(mu)), x, 0};
    const float theta = theta_of_genes[gene];
    const float inverse_ratio = theta / mu;
    const GammaTerms gamma = gamma_terms(theta, x);
    const float rest = x * (inverse_ratio / (1 + inverse_ratio));
    // x log(1 + r) - x log r = x log(1 + 1/r).
    return {x * static_cast<double>(log1pf(inverse_ratio)) - gamma.log_ratio, rest,
            rest - theta * static_cast<float>(gamma.digamma_difference)};
}

/// Block g: the cells of group g, one after the other; its threads share the genes.
__global__ void __launch_bounds__(kThreads)
    likelihood_kernel(LikelihoodChunk chunk, float scale, float* logits, float* entry_work,
                      LikelihoodParts parts) {
    const std::int64_t group = blockIdx.x, genes = chunk.genes, thread = threadIdx.x;
    const std::int64_t first_cell = group * chunk.cells / parts.groups;
    const std::int64_t last_cell = (group + 1) * chunk.cells / parts.groups;
    if (first_cell == last_cell) return;
    double loss = 0;
    for (std::int64_t cell = first_cell; cell < last_cell; ++cell) {
        float* row = logits + cell * genes;
        const std::int64_t dispersion_row =
            chunk.dispersion_rows != nullptr ? chunk.dispersion_rows[cell] : 0;
        const float* theta =
            chunk.dispersion != nullptr ? chunk.dispersion + dispersion_row * genes : nullptr;
        float* of_theta = theta != nullptr ? parts.dispersion_gradient +
                                                 (group * chunk.num_dispersion_rows + dispersion_row) * genes
                                           : nullptr;
        const CellMean mean = chunk.library != nullptr ? softmax_mean(row, genes, chunk.library[cell])
                                                       : CellMean{1, 0, kLargestLogMean};
        float dense_loss = 0, slopes = 0;
        for (std::int64_t g = thread; g < genes; g += kThreads) {
            const DenseTerms terms = dense_terms(mean(row[g]), theta, g);
            dense_loss += terms.loss;
            slopes += terms.slope;
            if (theta != nullptr) of_theta[g] += terms.dispersion;
        }
        loss += dense_loss;
        // The counts go by other threads than their genes.
        __syncthreads();
        const std::int64_t matrix_row = chunk.rows[cell];
        const std::int64_t first = chunk.row_offsets[matrix_row], last = chunk.row_offsets[matrix_row + 1];
        const std::int64_t work_of_first = entry_work != nullptr ? chunk.entry_offsets[cell] - first : 0;
        for (std::int64_t e = first + thread; e < last; e += kThreads) {
            const std::int32_t gene = chunk.gene_indices[e];
            const CountTerms terms = count_terms(mean(row[gene]), theta, gene, chunk.counts[e]);
            loss += terms.loss;
            slopes -= terms.rest;
            if (theta != nullptr) of_theta[gene] += terms.dispersion;
            if (entry_work != nullptr) entry_work[work_of_first + e] = terms.rest;
        }
        if (entry_work == nullptr) {
            __syncthreads();
            continue;
        }
        // Through the softmax: d/d logit = g - p sum(g), p = mean / library.
        float through = 0;
        if (chunk.library != nullptr) {
            const float total = block_sum(slopes);
            through = chunk.library[cell] > 0 ? total / chunk.library[cell] : 0.0f;
        } else {
            __syncthreads();
        }
        for (std::int64_t g = thread; g < genes; g += kThreads) {
            const float m = mean(row[g]);
            row[g] = scale * (dense_terms(m, theta, g).slope - through * m);
        }
        __syncthreads();
        for (std::int64_t e = first + thread; e < last; e += kThreads)
            row[chunk.gene_indices[e]] -= scale * entry_work[work_of_first + e];
    }
    loss = block_sum(loss);
    if (thread == 0) parts.losses[group] += loss;
}

__global__ void __launch_bounds__(kThreads) sum_parts_kernel(LikelihoodParts parts, std::int64_t num_values,
                                                             float scale, double* loss, float* gradient) {
    const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (at == 0) {
        double sum = 0;
        for (int group = 0; group < parts.groups; ++group) sum += parts.losses[group];
        *loss = sum;
    }
    if (parts.dispersion_gradient == nullptr || at >= num_values) return;
    double sum = 0;
    for (int group = 0; group < parts.groups; ++group)
        sum += static_cast<double>(parts.dispersion_gradient[group * num_values + at]);
    gradient[at] = static_cast<float>(scale * sum);
}

}  // namespace

void likelihood_and_gradient(const LikelihoodChunk& chunk, float scale, float* logits, float* entry_work,
                             const LikelihoodParts& parts, CUstream_st* stream) {
    launch("likelihood_and_gradient", likelihood_kernel,
           dim3(chunk.cells > 0 ? static_cast<unsigned>(parts.groups) : 0), dim3(kThreads), stream, chunk,
           scale, logits, entry_work, parts);
}

void sum_likelihood_parts(const LikelihoodParts& parts, std::int64_t num_dispersion_values, float scale,
                          double* loss, float* dispersion_gradient, CUstream_st* stream) {
    const std::int64_t values = parts.dispersion_gradient != nullptr ? num_dispersion_values : 1;
    launch("sum_likelihood_parts", sum_parts_kernel, dim3(blocks_of(values, kThreads)), dim3(kThreads),
           stream, parts, num_dispersion_values, scale, loss, dispersion_gradient);
}

}  // namespace lapatlas::cuda
