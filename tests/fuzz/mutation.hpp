#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace lapatlas::fuzz {

/// `content` with a few things wrong: bits flipped, words set to extremes, stretches zeroed, copied, left out
/// or put in, the end cut off. A function of the generator's state alone.
std::string mutated(std::string content, std::mt19937_64& random);

}  // namespace lapatlas::fuzz
