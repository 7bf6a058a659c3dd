#pragma once

#include <cmath>

#include "dist/host_device.hpp"

namespace lapatlas {

/// log Gamma(theta + x) - log Gamma(theta) - log Gamma(x + 1), and psi(theta + x) - psi(theta), for whole x >
/// 0.
struct GammaTerms {
    double log_ratio;
    double digamma_difference;
};

/// log Gamma(x), x > 0.
LAPATLAS_HOST_DEVICE inline double log_gamma(double x) {
#ifdef __CUDA_ARCH__
    return lgamma(x);
#else
    // Without lgamma's write to the global signgam.
    int sign = 0;
    return lgamma_r(x, &sign);
#endif
}

LAPATLAS_HOST_DEVICE inline double digamma(double x) {
    double shift = 0;
    for (; x < 8; x += 1) shift -= 1 / x;
    const double inverse = 1 / x, square = inverse * inverse;
    return shift + std::log(x) - 0.5 * inverse -
           square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square / 240)));
}

LAPATLAS_HOST_DEVICE inline GammaTerms gamma_terms(double theta, double x) {
    // Most counts are 1 or 2.
    if (x == 1) return {std::log(theta), 1 / theta};
    if (x == 2) {
        const double product = theta * (theta + 1);
        return {std::log(product / 2), (2 * theta + 1) / product};
    }
    if (x <= 12) {
        double product = 1, factorial = 1, harmonic = 0;
        for (double i = 0; i < x; i += 1) {
            product *= theta + i;
            factorial *= i + 1;
            harmonic += 1 / (theta + i);
        }
        return {std::log(product / factorial), harmonic};
    }
    return {log_gamma(theta + x) - log_gamma(theta) - log_gamma(x + 1), digamma(theta + x) - digamma(theta)};
}

}  // namespace lapatlas
