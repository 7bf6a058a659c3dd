#pragma once

#include <string>
#include <vector>

namespace lapatlas {

// The forward process of the diffusion prior (LapDDPM 3.2.2): z_t = alpha(t) z_0 + sigma(t) eps, a
// variance-preserving SDE dz = -z dt + sqrt(2) dB. Times are dimensionless; everything here is double.

/// Shortest time the network is trained at and evaluated at: sigma(1e-3) = 0.045.
inline constexpr double kShortestTime = 1e-3;

/// e^-t: what is left of the latent.
double vp_alpha(double t);
/// sqrt(1 - e^-2t): standard deviation of the noise; accurate for small t.
double vp_sigma(double t);
/// lambda(t) = log(alpha / sigma), half the log signal-to-noise ratio; falls in t. t > 0.
double vp_log_snr(double t);
/// Inverse of vp_log_snr: t = log(1 + e^(-2 lambda)) / 2.
double vp_time(double log_snr);

/// How training times are spread over [kShortestTime, T].
enum class TrainingTimes {
    kLogSnr,   ///< uniform in lambda: equal effort at every noise level
    kUniform,  ///< uniform in t, as published; at T = 5 most of it is near-pure noise
};

/// "log_snr" or "uniform_t"; ConfigError for anything else.
TrainingTimes training_times_from_name(const std::string& name);

/// The training time that belongs to `uniform` in (0, 1); increasing noise as `uniform` falls in kLogSnr.
/// `longest` is T > kShortestTime.
double training_time(double uniform, TrainingTimes times, double longest);

/// Times of a solver with `num_steps` >= 1 network evaluations, [num_steps + 1]: num_steps times uniform in
/// lambda from T down to kShortestTime, where the network is evaluated, then 0. Away from 0 this is uniform
/// in t and near 0 it is geometric, which is what all three solvers need. ConfigError if num_steps < 1 or T
/// <= kShortestTime.
std::vector<double> solver_times(int num_steps, double longest);

}  // namespace lapatlas
