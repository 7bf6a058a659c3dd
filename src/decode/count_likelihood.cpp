#include "src/decode/count_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "src/decode/fast_math.hpp"
#include "src/decode/gamma_terms.hpp"

namespace lapatlas {

namespace {

/// Cells of a chunk are dealt to this many groups whatever the number of threads: sums keep one order.
constexpr std::int64_t kGroups = 8;

struct Group {
    double loss = 0;
    std::map<std::int32_t, std::vector<float>> dispersion_gradient;  // of the rows that its cells have
};

const float* thetas(const CountLikelihood& model, std::int32_t row) {
    return model.negative_binomial ? model.dispersion.data() + row * model.genes : nullptr;
}

/// Means of one cell into `mean`; returns nothing else needed later. logits stay.
void cell_means(const CountLikelihood& model, const float* logits, float library, float* mean) {
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
#pragma omp simd reduction(+ : total)
    for (std::int64_t g = 0; g < genes; ++g) {
        mean[g] = fast_exp(logits[g] - largest);
        total += mean[g];
    }
    const float factor = library / total;
    for (std::int64_t g = 0; g < genes; ++g) mean[g] *= factor;
}

/// Terms that every gene has, as if its count were 0: returns their sum, leaves d/d log mean in `gradient`.
float dense_terms(const CountLikelihood& model, const float* theta, const float* mean, float* gradient,
                  float* dispersion_gradient) {
    const std::int64_t genes = model.genes;
    float loss = 0;
    if (!model.negative_binomial) {
#pragma omp simd reduction(+ : loss)
        for (std::int64_t g = 0; g < genes; ++g) {
            gradient[g] = mean[g];
            loss += mean[g];
        }
        return loss;
    }
#pragma omp simd reduction(+ : loss)
    for (std::int64_t g = 0; g < genes; ++g) {
        const float ratio = mean[g] / theta[g];
        const float log_term = theta[g] * fast_log1p(ratio);
        const float slope = mean[g] / (1.0f + ratio);
        loss += log_term;
        gradient[g] = slope;
        dispersion_gradient[g] += log_term - slope;
    }
    return loss;
}

/// What the counts above zero change.
double sparse_terms(const CountLikelihood& model, const float* theta_of_genes, const SparseCounts& counts,
                    const float* mean, float* gradient, float* dispersion_gradient) {
    double loss = 0;
    for (std::int64_t e = 0; e < counts.size; ++e) {
        const auto gene = static_cast<std::size_t>(counts.genes[e]);
        const double x = counts.values[e];
        // A mean that underflowed would make the log infinite where the model is merely very wrong.
        const double mu = std::max(static_cast<double>(mean[gene]), 1e-30);
        if (!model.negative_binomial) {
            loss += log_gamma(x + 1) - x * std::log(mu);
            gradient[gene] -= static_cast<float>(x);
            continue;
        }
        const float theta = theta_of_genes[gene];
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

}  // namespace

void likelihood_and_gradient(const CountLikelihood& model, std::span<const SparseCounts> counts,
                             std::span<const float> library, std::span<const std::int32_t> dispersion_rows,
                             float scale, float* logits, float* work, LikelihoodSums& sums) {
    const auto cells = static_cast<std::int64_t>(counts.size());
    const std::int64_t genes = model.genes;
    Group groups[kGroups];
#pragma omp parallel for schedule(static, 1)
    for (std::int64_t k = 0; k < kGroups; ++k) {
        Group& group = groups[k];
        for (std::int64_t c = k * cells / kGroups; c < (k + 1) * cells / kGroups; ++c) {
            float* gradient = logits + c * genes;
            float* mean = work + c * genes;
            const float size = model.size_factor ? library[static_cast<std::size_t>(c)] : 1.0f;
            cell_means(model, gradient, size, mean);
            const std::int32_t row =
                dispersion_rows.empty() ? 0 : dispersion_rows[static_cast<std::size_t>(c)];
            std::vector<float>& of_row = group.dispersion_gradient[row];
            if (model.negative_binomial) of_row.resize(static_cast<std::size_t>(genes), 0.0f);
            group.loss += dense_terms(model, thetas(model, row), mean, gradient, of_row.data());
            group.loss += sparse_terms(model, thetas(model, row), counts[static_cast<std::size_t>(c)], mean,
                                       gradient, of_row.data());
            if (model.size_factor) {
                // Through the softmax: d/d logit = g - p sum(g), p = mean / library.
                float total = 0;
#pragma omp simd reduction(+ : total)
                for (std::int64_t g = 0; g < genes; ++g) total += gradient[g];
                const float factor = size > 0 ? total / size : 0.0f;
                for (std::int64_t g = 0; g < genes; ++g)
                    gradient[g] = scale * (gradient[g] - factor * mean[g]);
            } else {
                for (std::int64_t g = 0; g < genes; ++g) gradient[g] *= scale;
            }
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

double cell_likelihood(const CountLikelihood& model, const SparseCounts& counts, float library,
                       std::int32_t dispersion_row, float* logits, float* scratch) {
    float* gradient = scratch;
    float* dispersion_gradient = scratch + model.genes;
    float* mean = scratch + 2 * model.genes;
    cell_means(model, logits, model.size_factor ? library : 1.0f, mean);
    const float* theta = thetas(model, dispersion_row);
    const double loss = dense_terms(model, theta, mean, gradient, dispersion_gradient) +
                        sparse_terms(model, theta, counts, mean, gradient, dispersion_gradient);
    std::copy(mean, mean + model.genes, logits);
    return loss;
}

}  // namespace lapatlas
