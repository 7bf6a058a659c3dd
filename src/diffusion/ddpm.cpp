#include "src/diffusion/ddpm.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "dist/error.hpp"

namespace lapatlas {

DdpmSchedule::DdpmSchedule(std::int64_t num_steps, double first_beta, double last_beta)
    : betas_{0}, alpha_bars_{1} {
    if (num_steps < 2 || first_beta <= 0 || last_beta < first_beta || last_beta >= 1)
        throw ConfigError("a diffusion of " + std::to_string(num_steps) + " steps with beta from " +
                          std::to_string(first_beta) + " to " + std::to_string(last_beta) +
                          ": wanted are 2 steps at least and 0 < first <= last < 1");
    for (std::int64_t t = 1; t <= num_steps; ++t) {
        const double place = static_cast<double>(t - 1) / static_cast<double>(num_steps - 1);
        betas_.push_back(first_beta + (last_beta - first_beta) * place);
        alpha_bars_.push_back(alpha_bars_.back() * (1 - betas_.back()));
    }
}

std::int64_t DdpmSchedule::last_step_above(double bound) const {
    std::int64_t step = 0;
    while (step < num_steps() && alpha_bar(step + 1) > bound) ++step;
    return step;
}

at::Tensor ancestral_sample(const DdpmSchedule& schedule, const StepNoisePredictor& predict, at::Tensor x,
                            std::int64_t first, const AncestralNoise& noise) {
    for (std::int64_t t = first; t >= 1; --t) {
        const double beta = schedule.beta(t);
        const double of_noise = beta / std::sqrt(1 - schedule.alpha_bar(t));
        x = (x - predict(x, t) * of_noise) / std::sqrt(1 - beta);
        if (t > 1) x = x + noise(t) * std::sqrt(beta);
    }
    return x;
}

namespace {

double log_snr(const DdpmSchedule& schedule, std::int64_t t) {
    return std::log(schedule.alpha_bar(t) / (1 - schedule.alpha_bar(t))) / 2;
}

/// Steps from `first` down to 1 where lambda is nearest to even spacing, all different.
std::vector<std::int64_t> even_steps(const DdpmSchedule& schedule, std::int64_t first,
                                     std::int64_t evaluations) {
    const double begin = log_snr(schedule, first), end = log_snr(schedule, 1);
    std::vector<std::int64_t> steps{first};
    for (std::int64_t i = 1; i < evaluations; ++i) {
        const double wanted =
            begin + (end - begin) * static_cast<double>(i) / static_cast<double>(evaluations - 1);
        std::int64_t t = steps.back() - 1;
        const std::int64_t left = evaluations - 1 - i;
        // Lambda rises as t falls.
        while (t - 1 > left && log_snr(schedule, t - 1) <= wanted) --t;
        steps.push_back(t);
    }
    return steps;
}

}  // namespace

at::Tensor fast_sample(const DdpmSchedule& schedule, const StepNoisePredictor& predict, at::Tensor x,
                       std::int64_t first, std::int64_t evaluations, const AncestralNoise& noise) {
    if (first <= evaluations) return ancestral_sample(schedule, predict, std::move(x), first, noise);
    const std::vector<std::int64_t> steps = even_steps(schedule, first, evaluations);
    at::Tensor before;  // the predicted x_0 of the step before
    double last_width = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const std::int64_t t = steps[i];
        const double alpha = std::sqrt(schedule.alpha_bar(t)), sigma = std::sqrt(1 - schedule.alpha_bar(t));
        const at::Tensor now = (x - predict(x, t) * sigma) / alpha;
        if (i + 1 == steps.size()) return now;
        const std::int64_t s = steps[i + 1];
        const double next_alpha = std::sqrt(schedule.alpha_bar(s));
        const double next_sigma = std::sqrt(1 - schedule.alpha_bar(s));
        const double width = log_snr(schedule, s) - log_snr(schedule, t);
        const double fresh = -std::expm1(-2 * width);  // share of the variance that is drawn anew
        at::Tensor estimate = now;
        if (before.defined()) estimate = now + (now - before) * (width / (2 * last_width));
        x = x * (next_sigma / sigma * std::exp(-width)) + estimate * (next_alpha * fresh) +
            noise(t) * (next_sigma * std::sqrt(fresh));
        before = now;
        last_width = width;
    }
    return x;
}

}  // namespace lapatlas
