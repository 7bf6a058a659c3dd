#include "src/diffusion/ddpm.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

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

}  // namespace lapatlas
