#pragma once

#include <filesystem>
#include <string_view>

#include "tests/fuzz/parsers.hpp"

namespace lapatlas::fuzz {

/// Where a guided fuzzer's bytes become a file that a parser reads. Of "mtx" they are the matrix alone,
/// beside 80 features and 24 barcodes; files that carry a seal get a true one, since no chance finds a
/// checksum.
class GuidedInput {
  public:
    GuidedInput(const Parser& parser, const std::filesystem::path& folder);
    /// What the parser is to read.
    const std::filesystem::path& lay(std::string_view bytes) const;

  private:
    bool has_seal_;
    std::filesystem::path victim_, input_;
};

}  // namespace lapatlas::fuzz
