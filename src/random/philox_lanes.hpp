#pragma once

#include <array>
#include <cstdint>

#include "src/random/philox.hpp"

namespace lapatlas {

/// Calls of Philox side by side in PhiloxLanes: fixed, so that loops over them have no remainder and
/// compilers turn them into vector code.
inline constexpr int kPhiloxLanes = 16;

/// words[j][lane] is word j of the call of that lane.
using PhiloxLanes = std::array<std::array<std::uint32_t, kPhiloxLanes>, 4>;

/// Philox 4x32-10 at counters {first_draw + lane, step, item low, item high}: lane for lane what
/// PlacedRandom::words(item, step, first_draw + lane) gives for the same key.
inline PhiloxLanes philox_lanes(std::array<std::uint32_t, 2> key, std::uint64_t item, std::uint32_t step,
                                std::uint32_t first_draw) {
    PhiloxLanes words;
    for (std::uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
        const auto call = philox4x32({first_draw + lane, step, static_cast<std::uint32_t>(item),
                                      static_cast<std::uint32_t>(item >> 32)},
                                     key);
        for (std::size_t j = 0; j < 4; ++j) words[j][lane] = call[j];
    }
    return words;
}

}  // namespace lapatlas
