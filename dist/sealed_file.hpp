#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lapatlas {

/// Bytes that a file leaves free at its beginning for the line that vouches for the rest. HDF5 calls such
/// room a user block, and its readers skip it.
constexpr std::int64_t kSealBytes = 512;

/// Rank-local. Writes that line (length and CRC-32 of all that follows it) into a closed file. ResourceError
/// if the system refuses.
void seal_file(const std::filesystem::path& path);

/// Rank-local. Whether a file begins with such a line, true or not.
bool is_sealed(const std::filesystem::path& path);

/// Rank-local. What is wrong with a sealed file: "cut short: 17 of 4711 bytes are there", "damaged: ...";
/// empty: it is, to the byte, what was sealed. Reads the file once and knows nothing of its format.
std::string what_breaks_seal(const std::filesystem::path& path);

}  // namespace lapatlas
