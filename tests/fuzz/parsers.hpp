#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lapatlas::fuzz {

/// One way in which a file from outside comes into the program.
struct Parser {
    std::string name;
    /// Reads the file (of "mtx": the folder) and throws one of the program's errors, or returns with
    /// something that keeps its promises; a broken promise is a std::logic_error.
    std::function<void(const std::filesystem::path&)> read;
};

/// Who made the parts that "part" reads.
inline constexpr const char* kPartMaker = "fuzz";

/// h5ad, tenx_h5, mtx, config, checkpoint, part, prepared, evaluation, metrics, status, history
const std::vector<Parser>& parsers();

}  // namespace lapatlas::fuzz
