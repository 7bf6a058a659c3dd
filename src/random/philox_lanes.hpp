#pragma once

#include <array>
#include <cstdint>

#include "dist/vector_clones.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

/// Calls of Philox side by side in PhiloxLanes: fixed, so that loops over them have no remainder and
/// compilers turn them into vector code.
inline constexpr int kPhiloxLanes = 16;

/// words[j][lane] is word j of the call of that lane.
using PhiloxLanes = std::array<std::array<std::uint32_t, kPhiloxLanes>, 4>;

/// Philox 4x32-10 at counters {draws[lane], step, item low, item high}: lane for lane what
/// PlacedRandom::words(item, step, draws[lane]) gives for the same key. `draws` points at kPhiloxLanes of
/// them.
LAPATLAS_INLINE PhiloxLanes philox_lanes(std::array<std::uint32_t, 2> key, std::uint64_t item,
                                         std::uint32_t step, const std::uint32_t* draws) {
    PhiloxLanes words;
    for (std::size_t lane = 0; lane < kPhiloxLanes; ++lane) {
        const auto call = philox4x32(
            {draws[lane], step, static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32)},
            key);
        for (std::size_t j = 0; j < 4; ++j) words[j][lane] = call[j];
    }
    return words;
}

/// The same at draws first_draw, first_draw + 1, ...
LAPATLAS_INLINE PhiloxLanes philox_lanes(std::array<std::uint32_t, 2> key, std::uint64_t item,
                                         std::uint32_t step, std::uint32_t first_draw) {
    std::array<std::uint32_t, kPhiloxLanes> draws;
    for (std::uint32_t lane = 0; lane < kPhiloxLanes; ++lane) draws[lane] = first_draw + lane;
    return philox_lanes(key, item, step, draws.data());
}

}  // namespace lapatlas
