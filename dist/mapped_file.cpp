#include "dist/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

std::int64_t page_size() {
    static const std::int64_t size = sysconf(_SC_PAGESIZE);
    return size;
}

std::int64_t rounded_down(std::int64_t place) { return place / page_size() * page_size(); }

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path, std::int64_t offset, std::int64_t bytes)
    : size_(bytes) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw InputError(path.string() + ": cannot be opened (" + std::strerror(errno) + ")");
    struct stat about {};
    const bool whole = fstat(file, &about) == 0 && about.st_size >= offset + bytes;
    const std::int64_t first = rounded_down(offset);
    mapped_bytes_ = offset + bytes - first;
    if (whole && bytes > 0)
        mapping_ = mmap(nullptr, static_cast<std::size_t>(mapped_bytes_), PROT_READ, MAP_SHARED, file, first);
    const int error = errno;
    close(file);
    if (!whole) throw InputError(path.string() + ": the file is shorter than what it says it holds");
    if (mapping_ == MAP_FAILED)
        throw ResourceError(path.string() + ": cannot be mapped (" + std::strerror(error) + ")");
    data_ = static_cast<const std::byte*>(mapping_) + (offset - first);
}

MappedFile::~MappedFile() {
    if (mapping_ != nullptr) munmap(mapping_, static_cast<std::size_t>(mapped_bytes_));
}

void MappedFile::prefetch(std::int64_t begin, std::int64_t end) const {
    if (begin >= end) return;
    // The kernel cuts a request to what it reads ahead at most, so it is asked piece by piece.
    constexpr std::int64_t kPiece = 128 << 10;
    const std::int64_t shift = mapped_bytes_ - size_, last = shift + end;
    for (std::int64_t from = rounded_down(shift + begin); from < last; from += kPiece)
        madvise(static_cast<std::byte*>(mapping_) + from,
                static_cast<std::size_t>(std::min(kPiece, last - from)), MADV_WILLNEED);
}

void MappedFile::release(std::int64_t begin, std::int64_t end) const {
    const std::int64_t shift = mapped_bytes_ - size_;
    const std::int64_t from = rounded_down(shift + begin + page_size() - 1);
    const std::int64_t to = end == size_ ? mapped_bytes_ : rounded_down(shift + end);
    if (from < to)
        madvise(static_cast<std::byte*>(mapping_) + from, static_cast<std::size_t>(to - from), MADV_DONTNEED);
}

}  // namespace lapatlas
