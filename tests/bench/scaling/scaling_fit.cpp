#include "tests/bench/scaling/scaling_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lapatlas::bench {

namespace {

struct Coefficients {
    double a, b;
};

/// Minimises sum (a x + b y - z)^2 with a, b >= 0.
Coefficients non_negative_squares(std::span<const double> x, std::span<const double> y,
                                  std::span<const double> z) {
    double xx = 0, xy = 0, yy = 0, xz = 0, yz = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += x[i] * x[i];
        xy += x[i] * y[i];
        yy += y[i] * y[i];
        xz += x[i] * z[i];
        yz += y[i] * z[i];
    }
    const double determinant = xx * yy - xy * xy;
    if (determinant > 1e-12 * xx * yy) {
        const Coefficients both{(xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant};
        if (both.a >= 0 && both.b >= 0) return both;
    }
    // On the edge: the better of the two alone.
    const double a = xx > 0 ? std::max(0.0, xz / xx) : 0, b = yy > 0 ? std::max(0.0, yz / yy) : 0;
    return a * xz > b * yz ? Coefficients{a, 0} : Coefficients{0, b};
}

}  // namespace

double TimeFit::seconds(const StepFigures& figures) const {
    return figures.work_max + latency * figures.messages +
           seconds_a_byte * (figures.halo_bytes + 2 * figures.reduce_bytes);
}

TimeFit fit_time(std::span<const StepFigures> figures) {
    std::vector<double> messages, bytes, rest;
    for (const StepFigures& point : figures) {
        if (point.ranks < 2) continue;
        messages.push_back(point.messages / point.seconds);
        bytes.push_back((point.halo_bytes + 2 * point.reduce_bytes) / point.seconds);
        rest.push_back((point.seconds - point.work_max) / point.seconds);
    }
    TimeFit fit;
    const Coefficients found = non_negative_squares(messages, bytes, rest);
    fit.latency = found.a;
    fit.seconds_a_byte = found.b;
    for (const StepFigures& point : figures)
        fit.largest_error = std::max(fit.largest_error, std::abs(fit.seconds(point) / point.seconds - 1));
    return fit;
}

double ScalabilityLaw::capacity(double ranks) const {
    return ranks / (1 + sigma * (ranks - 1) + kappa * ranks * (ranks - 1));
}

double ScalabilityLaw::peak_ranks() const {
    return kappa > 0 ? std::sqrt((1 - sigma) / kappa) : std::numeric_limits<double>::infinity();
}

ScalabilityLaw fit_scalability(std::span<const double> ranks, std::span<const double> capacities) {
    // p / C = 1 + sigma (p - 1) + kappa p (p - 1); relative errors of C are those of p / C.
    std::vector<double> contention, coherency, excess;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        const double p = ranks[i], scale = capacities[i] / p;
        contention.push_back((p - 1) * scale);
        coherency.push_back(p * (p - 1) * scale);
        excess.push_back((p / capacities[i] - 1) * scale);
    }
    const Coefficients found = non_negative_squares(contention, coherency, excess);
    return {found.a, found.b};
}

double efficiency(const StepFigures& of, const StepFigures& smallest) {
    const auto rate = [](const StepFigures& point) {
        return point.cells / point.seconds / static_cast<double>(point.ranks);
    };
    return rate(of) / rate(smallest);
}

}  // namespace lapatlas::bench
