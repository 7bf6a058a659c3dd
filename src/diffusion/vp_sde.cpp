#include "src/diffusion/vp_sde.hpp"

#include <cmath>

#include "dist/error.hpp"

namespace lapatlas {

double vp_alpha(double t) { return std::exp(-t); }

double vp_sigma(double t) { return std::sqrt(-std::expm1(-2.0 * t)); }

double vp_log_snr(double t) { return -0.5 * std::log(std::expm1(2.0 * t)); }

double vp_time(double log_snr) {
    // log1p(e^x) without overflow where the signal is far below the noise.
    const double x = -2.0 * log_snr;
    return 0.5 * (x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)));
}

TrainingTimes training_times_from_name(const std::string& name) {
    if (name == "log_snr") return TrainingTimes::kLogSnr;
    if (name == "uniform_t") return TrainingTimes::kUniform;
    throw ConfigError("train.times = '" + name + "': choose log_snr or uniform_t");
}

double training_time(double uniform, TrainingTimes times, double longest) {
    if (times == TrainingTimes::kUniform) return kShortestTime + uniform * (longest - kShortestTime);
    const double lowest = vp_log_snr(longest);
    return vp_time(lowest + uniform * (vp_log_snr(kShortestTime) - lowest));
}

std::vector<double> solver_times(int num_steps, double longest) {
    if (num_steps < 1)
        throw ConfigError("generate.steps = " + std::to_string(num_steps) +
                          ": a solver needs at least 1 step");
    if (!(longest > kShortestTime) || !std::isfinite(longest))
        throw ConfigError("model.diffusion_time = " + std::to_string(longest) +
                          ": must be finite and above " + std::to_string(kShortestTime));
    const double lowest = vp_log_snr(longest);
    const double highest = vp_log_snr(kShortestTime);
    std::vector<double> times{longest};
    for (int i = 1; i < num_steps; ++i)
        times.push_back(vp_time(lowest + (highest - lowest) * i / (num_steps - 1)));
    times.push_back(0);
    return times;
}

}  // namespace lapatlas
