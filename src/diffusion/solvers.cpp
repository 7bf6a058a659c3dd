#include "src/diffusion/solvers.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "dist/error.hpp"
#include "src/diffusion/vp_sde.hpp"

namespace lapatlas {

namespace {

at::Tensor euler_maruyama_step(const at::Tensor& z, const at::Tensor& eps, double t, double next_t, int step,
                               const StepNoise& step_noise) {
    const double dt = t - next_t;
    at::Tensor next = z * (1 + dt) - eps * (2 * dt / vp_sigma(t));
    if (next_t > 0) next += step_noise(step) * std::sqrt(2 * dt);
    return next;
}

at::Tensor predicted_data(const at::Tensor& z, const at::Tensor& eps, double t) {
    return (z - eps * vp_sigma(t)) / vp_alpha(t);
}

}  // namespace

Solver solver_from_name(const std::string& name) {
    if (name == "dpmpp_2m") return Solver::kDpmpp2m;
    if (name == "ddim") return Solver::kDdim;
    if (name == "euler_maruyama") return Solver::kEulerMaruyama;
    if (name == "ancestral") return Solver::kAncestral;
    throw ConfigError("generate.solver = '" + name + "': choose dpmpp_2m, ddim, euler_maruyama or ancestral");
}

NoisePredictor guided(NoisePredictor conditional, NoisePredictor null, double w) {
    if (w == 0) return conditional;
    if (w == -1) return null;
    return [conditional = std::move(conditional), null = std::move(null), w](const at::Tensor& z, double t) {
        return conditional(z, t) * (1 + w) - null(z, t) * w;
    };
}

at::Tensor solve(Solver solver, const NoisePredictor& predict, at::Tensor z, int num_steps,
                 const ForwardProcess& process, const StepNoise& step_noise) {
    if (solver == Solver::kAncestral) {
        const DdpmSchedule* schedule = process.schedule();
        if (schedule == nullptr)
            throw ConfigError("generate.solver = ancestral needs a model with model.diffusion = ddpm");
        return ancestral_sample(
            *schedule,
            [&](const at::Tensor& x, std::int64_t step) { return predict(x, time_of_step(*schedule, step)); },
            std::move(z), schedule->num_steps(),
            [&](std::int64_t step) { return step_noise(static_cast<int>(step)); });
    }
    const std::vector<double> times = solver_times(num_steps, process.longest());
    at::Tensor previous_data;
    for (int i = 0; i < num_steps; ++i) {
        const double t = times[static_cast<std::size_t>(i)];
        const double next_t = times[static_cast<std::size_t>(i) + 1];
        const at::Tensor eps = predict(z, t);
        if (solver == Solver::kEulerMaruyama) {
            z = euler_maruyama_step(z, eps, t, next_t, i, step_noise);
            continue;
        }
        at::Tensor data = predicted_data(z, eps, t);
        if (next_t == 0) return data;
        if (solver == Solver::kDdim) {
            z = data * vp_alpha(next_t) + eps * vp_sigma(next_t);
            continue;
        }
        // Uniform steps in lambda, so the ratio r of the last two is 1 and the extrapolation weights are 3/2,
        // -1/2.
        const double h = vp_log_snr(next_t) - vp_log_snr(t);
        const at::Tensor extrapolated = previous_data.defined() ? data * 1.5 - previous_data * 0.5 : data;
        z = z * (vp_sigma(next_t) / vp_sigma(t)) - extrapolated * (vp_alpha(next_t) * std::expm1(-h));
        previous_data = std::move(data);
    }
    return z;
}

}  // namespace lapatlas
