#pragma once

#include <cstdint>

namespace lapatlas {

/// Whether `item` of `total` is one of at most `most` that are spread evenly over them.
inline bool is_in_even_sample(std::int64_t item, std::int64_t total, std::int64_t most) {
    return total <= most || item * most / total != (item + 1) * most / total;
}

}  // namespace lapatlas
