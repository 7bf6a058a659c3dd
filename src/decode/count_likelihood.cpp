#include "src/decode/count_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "dist/vector_clones.hpp"
#include "src/decode/fast_math.hpp"
#include "src/decode/gamma_terms.hpp"

namespace lapatlas {

namespace {

struct Group {
    double loss = 0;
    std::map<std::int32_t, std::vector<float>> dispersion_gradient;  // of the rows that its cells have
};

CellModel cell_model(const CountLikelihood& model, std::int32_t row) {
    return {model.genes, model.negative_binomial ? model.dispersion.data() + row * model.genes : nullptr,
            nullptr, model.size_factor};
}

/// Means of one cell into `mean`; logits stay.
LAPATLAS_INLINE void cell_means(const CellModel& model, const float* logits, float library, float* mean) {
    const std::int64_t genes = model.genes;
    if (!model.size_factor) {
        // Rates beyond e^20 are no counts; the bound keeps a wild step finite, and the check of the loss
        // reports it.
        for (std::int64_t g = 0; g < genes; ++g) mean[g] = fast_exp(std::min(logits[g], 20.0f));
        return;
    }
    float largest = logits[0];
    for (std::int64_t g = 1; g < genes; ++g) largest = std::max(largest, logits[g]);
    float total = 0;
    if (model.weight == nullptr) {
#pragma omp simd reduction(+ : total)
        for (std::int64_t g = 0; g < genes; ++g) {
            mean[g] = fast_exp(logits[g] - largest);
            total += mean[g];
        }
    } else {
#pragma omp simd reduction(+ : total)
        for (std::int64_t g = 0; g < genes; ++g) {
            mean[g] = fast_exp(logits[g] - largest);
            total += model.weight[g] * mean[g];
        }
    }
    const float factor = library / total;
    for (std::int64_t g = 0; g < genes; ++g) mean[g] *= factor;
}

/// Terms that every gene has, as if its count were 0: returns their sum, leaves d/d log mean in `gradient`.
template <bool kWeighted>
LAPATLAS_INLINE float dense_terms(const CellModel& model, const float* mean, float* gradient,
                                  float* dispersion_gradient) {
    const std::int64_t genes = model.genes;
    const float* const theta = model.theta;
    const auto weight = [&](std::int64_t g) { return kWeighted ? model.weight[g] : 1.0f; };
    float loss = 0;
    if (theta == nullptr) {
#pragma omp simd reduction(+ : loss)
        for (std::int64_t g = 0; g < genes; ++g) {
            gradient[g] = weight(g) * mean[g];
            loss += gradient[g];
        }
        return loss;
    }
#pragma omp simd reduction(+ : loss)
    for (std::int64_t g = 0; g < genes; ++g) {
        const float ratio = mean[g] / theta[g];
        const float log_term = weight(g) * theta[g] * fast_log1p(ratio);
        const float slope = weight(g) * mean[g] / (1.0f + ratio);
        loss += log_term;
        gradient[g] = slope;
        dispersion_gradient[g] += log_term - slope;
    }
    return loss;
}

/// What the counts above zero change.
double sparse_terms(const CellModel& model, const SparseCounts& counts, const float* mean, float* gradient,
                    float* dispersion_gradient) {
    double loss = 0;
    for (std::int64_t e = 0; e < counts.size; ++e) {
        const auto gene = static_cast<std::size_t>(counts.genes[e]);
        const double x = counts.values[e];
        // A mean that underflowed would make the log infinite where the model is merely very wrong.
        const double mu = std::max(static_cast<double>(mean[gene]), 1e-30);
        if (model.theta == nullptr) {
            loss += log_gamma(x + 1) - x * std::log(mu);
            gradient[gene] -= static_cast<float>(x);
            continue;
        }
        const float theta = model.theta[gene];
        const auto inverse_ratio = static_cast<float>(theta / mu);
        const GammaTerms gamma = gamma_terms(theta, x);
        // x log(1 + r) - x log r = x log(1 + 1/r).
        loss += x * fast_log1p(inverse_ratio) - gamma.log_ratio;
        const auto rest = static_cast<float>(x * inverse_ratio / (1 + inverse_ratio));
        gradient[gene] -= rest;
        dispersion_gradient[gene] += rest - theta * static_cast<float>(gamma.digamma_difference);
    }
    return loss;
}

LAPATLAS_INLINE double all_terms(const CellModel& model, const SparseCounts& counts, const float* mean,
                                 float* gradient, float* dispersion_gradient) {
    const float dense = model.weight == nullptr
                            ? dense_terms<false>(model, mean, gradient, dispersion_gradient)
                            : dense_terms<true>(model, mean, gradient, dispersion_gradient);
    return dense + sparse_terms(model, counts, mean, gradient, dispersion_gradient);
}

}  // namespace

LAPATLAS_WIDEST_VECTORS
double cell_loss_and_gradient(const CellModel& model, const SparseCounts& counts, float library, float scale,
                              float* logits, float* work, float* dispersion_gradient) {
    const std::int64_t genes = model.genes;
    const float size = model.size_factor ? library : 1.0f;
    float* const gradient = logits;
    float* const mean = work;
    cell_means(model, logits, size, mean);
    const double loss = all_terms(model, counts, mean, gradient, dispersion_gradient);
    if (!model.size_factor) {
        for (std::int64_t g = 0; g < genes; ++g) gradient[g] *= scale;
        return loss;
    }
    // Through the softmax: d/d logit = g - p sum(g), p = mean / library (times the weight).
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (std::int64_t g = 0; g < genes; ++g) total += gradient[g];
    const float factor = size > 0 ? total / size : 0.0f;
    if (model.weight == nullptr) {
        for (std::int64_t g = 0; g < genes; ++g) gradient[g] = scale * (gradient[g] - factor * mean[g]);
    } else {
        for (std::int64_t g = 0; g < genes; ++g)
            gradient[g] = scale * (gradient[g] - factor * model.weight[g] * mean[g]);
    }
    return loss;
}

void likelihood_and_gradient(const CountLikelihood& model, std::span<const SparseCounts> counts,
                             std::span<const float> library, std::span<const std::int32_t> dispersion_rows,
                             float scale, float* logits, float* work, LikelihoodSums& sums) {
    const auto cells = static_cast<std::int64_t>(counts.size());
    const std::int64_t genes = model.genes;
    Group groups[kLikelihoodGroups];
#pragma omp parallel for schedule(static, 1)
    for (std::int64_t k = 0; k < kLikelihoodGroups; ++k) {
        Group& group = groups[k];
        for (std::int64_t c = k * cells / kLikelihoodGroups; c < (k + 1) * cells / kLikelihoodGroups; ++c) {
            const auto cell = static_cast<std::size_t>(c);
            const std::int32_t row = dispersion_rows.empty() ? 0 : dispersion_rows[cell];
            std::vector<float>& of_row = group.dispersion_gradient[row];
            if (model.negative_binomial) of_row.resize(static_cast<std::size_t>(genes), 0.0f);
            group.loss += cell_loss_and_gradient(cell_model(model, row), counts[cell],
                                                 model.size_factor ? library[cell] : 1.0f, scale,
                                                 logits + c * genes, work + c * genes, of_row.data());
        }
    }
    if (model.negative_binomial && sums.dispersion_gradient.empty())
        sums.dispersion_gradient.assign(model.dispersion.size(), 0.0);
    for (const Group& group : groups) {
        sums.negative_log_likelihood += group.loss;
        for (const auto& [row, gradient] : group.dispersion_gradient) {
            double* sum = sums.dispersion_gradient.data() + row * genes;
            for (std::size_t g = 0; g < gradient.size(); ++g)
                sum[g] += static_cast<double>(scale) * gradient[g];
        }
    }
}

LAPATLAS_WIDEST_VECTORS
double cell_likelihood(const CountLikelihood& model, const SparseCounts& counts, float library,
                       std::int32_t dispersion_row, float* logits, float* scratch) {
    float* gradient = scratch;
    float* dispersion_gradient = scratch + model.genes;
    float* mean = scratch + 2 * model.genes;
    const CellModel cell = cell_model(model, dispersion_row);
    cell_means(cell, logits, model.size_factor ? library : 1.0f, mean);
    const double loss = all_terms(cell, counts, mean, gradient, dispersion_gradient);
    std::copy(mean, mean + model.genes, logits);
    return loss;
}

}  // namespace lapatlas
