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
        const std::size_t length = std::strlen(piece);
        const bool is_ended = length > 0 && piece[length - 1] == '\n';
        // gzgets stops at a line's end, a full piece or the end of the file; what seems shorter holds a zero
        // byte.
        if (!is_ended && length < sizeof piece - 1 && (length == 0 || gzeof(file_) == 0)) {
            ++line_number_;
            fail("holds a zero byte: not a text file");
        }
        line += piece;
        if (!is_ended) continue;
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
