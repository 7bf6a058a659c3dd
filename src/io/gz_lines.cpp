#include "src/io/gz_lines.hpp"

#include <cstring>

#include "dist/error.hpp"

namespace lapatlas {

GzLines::GzLines(const std::filesystem::path& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) throw InputError(path.string() + ": cannot be opened");
    gzbuffer(file_, 1 << 18);
}

GzLines::~GzLines() { gzclose_r(file_); }

void GzLines::fail(const std::string& what) const {
    throw InputError(path_.string() + ", line " + std::to_string(line_number_) + ": " + what);
}

bool GzLines::next(std::string& line) {
    line.clear();
    char piece[4096];
    while (gzgets(file_, piece, sizeof piece) != nullptr) {
        line += piece;
        if (line.back() != '\n') continue;
        line.pop_back();
        if (!line.empty() && line.back() == '\r') line.pop_back();
        ++line_number_;
        return true;
    }
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    if (code != Z_OK && code != Z_STREAM_END)
        fail(std::string("cannot be read on; is the file complete? (") + message + ")");
    if (line.empty()) return false;
    ++line_number_;
    return true;
}

}  // namespace lapatlas
