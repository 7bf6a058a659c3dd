#pragma once

#include <bit>
#include <cstdint>

#include "dist/host_device.hpp"

namespace lapatlas {

// Float functions that compilers vectorise in plain loops: branch-free, so an element's result does not
// depend on where in a vector it sits. Polynomials in the manner of Cephes (Moshier). Relative error below
// 3e-7 over the ranges stated, checked in tests/src/decode.

/// e^x for x in [-87, 88]; clamped outside.
LAPATLAS_HOST_DEVICE inline float fast_exp(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    // 1.5 * 2^23 rounds to the nearest whole number without a call.
    constexpr float kRound = 12582912.0f;
    const float n = (x * 1.44269504088896341f + kRound) - kRound;
    const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const auto bits = static_cast<std::uint32_t>((static_cast<std::int32_t>(n) + 127) << 23);
    return p * std::bit_cast<float>(bits);
}

/// log(x) for normal x > 0.
LAPATLAS_HOST_DEVICE inline float fast_log(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    // Mantissa into [sqrt(1/2), sqrt(2)).
    const auto shifted = bits - 0x3f3504f3u;
    const auto exponent = static_cast<std::int32_t>(shifted) >> 23;
    const float m = std::bit_cast<float>(bits - static_cast<std::uint32_t>(exponent) * 0x800000u);
    const float f = m - 1.0f;
    const float s = f / (2.0f + f);
    const float z = s * s;
    // log(1 + f) = 2 s + 2 s^3 / 3 + ... = f - s (f - R), the form that keeps small results exact.
    float r = 0.2462012f;
    r = r * z + 0.28498787f;
    r = r * z + 0.4000097f;
    r = r * z + 0.66666666f;
    const float half = 0.5f * f * f;
    const auto e = static_cast<float>(exponent);
    return e * 0.693359375f + (f - (half - (s * (half + r * z) + e * -2.12194440e-4f)));
}

/// log(1 + x) for x >= 0, also where x is far below the rounding of 1 + x.
LAPATLAS_HOST_DEVICE inline float fast_log1p(float x) {
    const float u = 1.0f + x;
    // What rounding 1 + x lost, divided by u: the first-order correction (Kahan).
    const float lost = (x - (u - 1.0f)) / u;
    return fast_log(u) + lost;
}

}  // namespace lapatlas
