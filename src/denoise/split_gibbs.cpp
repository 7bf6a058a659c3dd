#include "src/denoise/split_gibbs.hpp"

#include <cmath>
#include <utility>

namespace lapatlas {

double rho_at(const DenoiseOptions& options, std::int64_t iteration) {
    if (options.rho_schedule == "constant" || options.iterations < 2) return options.rho;
    const double place = static_cast<double>(iteration) / static_cast<double>(options.iterations - 1);
    if (options.rho_schedule == "linear") return options.rho + (options.last_rho - options.rho) * place;
    return options.rho * std::pow(options.last_rho / options.rho, place);
}

std::int64_t first_prior_step(const DdpmSchedule& schedule, double rho) {
    return schedule.last_step_above(1 / (1 + rho * rho));
}

LikelihoodStep gaussian_likelihood(std::shared_ptr<const Backend> backend, torch::Tensor projected,
                                   double noise) {
    return [backend = std::move(backend), projected = std::move(projected), noise](
               const torch::Tensor& state, double rho, const CellDraws& draws) {
        const double of_cell = 1 / (noise * noise), of_state = 1 / (rho * rho);
        const double variance = 1 / (of_cell + of_state);
        const torch::Tensor mean = (projected * of_cell + state * of_state) * variance;
        return mean +
               backend->normals(draws, RandomStream::kLikelihoodStep, state.size(1)) * std::sqrt(variance);
    };
}

torch::Tensor split_gibbs(const Backend& backend, const DdpmSchedule& schedule,
                          const StepNoisePredictor& prior, const LikelihoodStep& likelihood,
                          const DenoiseOptions& options, torch::Tensor start,
                          std::span<const std::int64_t> ids, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor keys = backend.tensor(ids);
    torch::Tensor state = std::move(start);
    const std::int64_t width = state.size(1);
    for (std::int64_t s = 0; s < options.iterations; ++s) {
        const double rho = rho_at(options, s);
        const torch::Tensor aligned = likelihood(state, rho, {seed, static_cast<std::uint32_t>(s), keys});
        const std::int64_t first = first_prior_step(schedule, rho);
        const std::int64_t evaluations = options.prior_steps > 0 ? options.prior_steps : first;
        state = fast_sample(schedule, prior, aligned * std::sqrt(schedule.alpha_bar(first)), first,
                            evaluations, [&](std::int64_t t) {
                                const std::int64_t stamp = s * (schedule.num_steps() + 1) + t;
                                return backend.normals({seed, static_cast<std::uint32_t>(stamp), keys},
                                                       RandomStream::kPriorStep, width);
                            });
    }
    return state;
}

}  // namespace lapatlas
