#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace lapatlas {

/// Lines of a text file, plain or gzip. Errors are InputError and name the file and line.
class GzLines {
  public:
    explicit GzLines(const std::filesystem::path& path);
    ~GzLines();
    GzLines(const GzLines&) = delete;
    GzLines& operator=(const GzLines&) = delete;

    /// False at the end of the file; a damaged or cut-off gzip stream is an error, not an end.
    bool next(std::string& line);
    [[noreturn]] void fail(const std::string& what) const;

  private:
    std::filesystem::path path_;
    gzFile file_;
    std::int64_t line_number_ = 0;
};

}  // namespace lapatlas
