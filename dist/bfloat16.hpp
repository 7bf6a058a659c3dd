#pragma once

#include <cstdint>

#include "dist/host_device.hpp"

namespace lapatlas {

/// The bits of `value` as bfloat16, the upper half of a float32, rounded to nearest, even.
LAPATLAS_HOST_DEVICE inline std::uint16_t to_bfloat16(float value) {
    union {
        float number;
        std::uint32_t bits;
    } of{value};
    // NaN stays one: rounding could carry its bits over into another number.
    if ((of.bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>(of.bits >> 16 | 0x40u);
    // The half of the last place that is kept, less one where that is even.
    return static_cast<std::uint16_t>((of.bits + 0x7FFFu + (of.bits >> 16 & 1u)) >> 16);
}

LAPATLAS_HOST_DEVICE inline float from_bfloat16(std::uint16_t bits) {
    union {
        std::uint32_t bits;
        float number;
    } of{std::uint32_t{bits} << 16};
    return of.number;
}

}  // namespace lapatlas
