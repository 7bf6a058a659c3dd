#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace lapatlas::testing_support {

/// All bytes of a file; none where it cannot be read.
inline std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace lapatlas::testing_support
