#include "dist/sealed_file.hpp"

#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <vector>

#include "dist/error.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLine = "LapAtlas: crc32 %08lx of the %lld bytes behind the first 512\n";

struct Content {
    unsigned long crc = crc32(0, nullptr, 0);
    long long bytes = 0;
};

/// Of all behind the seal, to the end or to where reading fails.
Content content_of(std::ifstream& file) {
    Content content;
    std::vector<char> block(1 << 20);
    file.seekg(kSealBytes);
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
        content.crc = crc32(content.crc, reinterpret_cast<const Bytef*>(block.data()),
                            static_cast<uInt>(file.gcount()));
        content.bytes += file.gcount();
    }
    return content;
}

/// The whole room: the line, then zeros.
std::string seal_of(const Content& content) {
    std::string seal(kSealBytes, '\0');
    std::snprintf(seal.data(), seal.size(), kLine, content.crc, content.bytes);
    return seal;
}

struct ReadSeal {
    std::string bytes;
    std::optional<Content> said;
};

ReadSeal read_seal(const fs::path& path) {
    ReadSeal seal{std::string(kSealBytes, '\0'), std::nullopt};
    std::ifstream file(path, std::ios::binary);
    file.read(seal.bytes.data(), kSealBytes);
    Content said;
    if (std::sscanf(seal.bytes.c_str(), kLine, &said.crc, &said.bytes) == 2) seal.said = said;
    return seal;
}

}  // namespace

void seal_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const Content content = content_of(in);
    in.close();
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    out.write(seal_of(content).data(), kSealBytes);
    out.close();
    std::error_code error;
    if (!out || static_cast<std::int64_t>(fs::file_size(path, error)) != kSealBytes + content.bytes)
        throw ResourceError(path.string() + ": cannot be written; is the disk full?");
}

bool is_sealed(const fs::path& path) { return read_seal(path).said.has_value(); }

std::string what_breaks_seal(const fs::path& path) {
    const ReadSeal seal = read_seal(path);
    if (!seal.said) return "has no checksum where one belongs";
    std::ifstream file(path, std::ios::binary);
    const Content found = content_of(file);
    if (found.bytes < seal.said->bytes)
        return "cut short: " + std::to_string(found.bytes) + " of " + std::to_string(seal.said->bytes) +
               " bytes are there";
    if (seal_of(found) != seal.bytes) return "damaged: its bytes are not those that were written (checksum)";
    return {};
}

}  // namespace lapatlas
