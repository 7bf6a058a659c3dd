#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lapatlas {

/// 64-bit FNV-1a (Fowler, Noll & Vo) of no bytes.
inline constexpr std::uint64_t kFnv1aStart = 0xcbf29ce484222325u;

/// The hash of the bytes hashed before, `hash`, and of those of `values` behind them.
template <class T>
std::uint64_t fnv1a(std::span<const T> values, std::uint64_t hash = kFnv1aStart) {
    for (const std::byte byte : std::as_bytes(values))
        hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3u;
    return hash;
}
inline std::uint64_t fnv1a(std::string_view text) { return fnv1a(std::span<const char>(text)); }

}  // namespace lapatlas
