#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace lapatlas {

/// A stretch of a file as read-only memory: read from disk when it is touched, and dropped by the kernel
/// where memory is short. Whoever shortens the file while it is mapped kills the process (SIGBUS): map only
/// files that are replaced whole, by renaming.
class MappedFile {
  public:
    /// Rank-local. InputError where the file is missing or shorter than that, ResourceError where it cannot
    /// be mapped.
    MappedFile(const std::filesystem::path& path, std::int64_t offset, std::int64_t bytes);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    /// Of any alignment.
    const std::byte* data() const { return data_; }
    std::int64_t size() const { return size_; }
    /// Begins to read bytes [begin, end) of the stretch, and returns at once.
    void prefetch(std::int64_t begin, std::int64_t end) const;
    /// The pages wholly within [begin, end) no longer count as this process's memory.
    void release(std::int64_t begin, std::int64_t end) const;

  private:
    void* mapping_ = nullptr;
    std::int64_t mapped_bytes_ = 0;
    const std::byte* data_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace lapatlas
