#pragma once

#include <span>

#include "tests/bench/scaling/study_point.hpp"

namespace lapatlas::bench {

/// T = work + latency messages + bytes / bandwidth, latency and bandwidth fitted (never negative) to steps of
/// several ranks by least squares of relative errors.
struct TimeFit {
    double latency = 0;         ///< seconds a message
    double seconds_a_byte = 0;  ///< 1 / bandwidth
    double largest_error = 0;   ///< |fitted / seen - 1|
    double seconds(const StepFigures& figures) const;
};
TimeFit fit_time(std::span<const StepFigures> figures);

/// The universal scalability law (Gunther 2007): relative capacity C(p) = p / (1 + sigma (p - 1) + kappa p (p
/// - 1)), sigma for contention and kappa for coherency, fitted to throughputs (cells a second) by least
/// squares of p / C - 1 through the origin; negative coefficients are set to zero.
struct ScalabilityLaw {
    double sigma = 0, kappa = 0;
    double capacity(double ranks) const;
    /// Number of ranks beyond which throughput falls; infinite if kappa is 0.
    double peak_ranks() const;
};
ScalabilityLaw fit_scalability(std::span<const double> ranks, std::span<const double> capacities);

/// Throughput beside that of the smallest number of ranks in `figures`, a rank: weak and strong efficiency
/// alike, (cells / seconds / ranks) over the same of the smallest.
double efficiency(const StepFigures& of, const StepFigures& smallest);

}  // namespace lapatlas::bench
