#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

namespace lapatlas {

/// Where a file is built before it gets its name: "atlas.h5ad.partial".
std::filesystem::path partial_path(const std::filesystem::path& path);

/// Rank-local. InputError, in the system's words, unless a file can be created at `path`: to be called before
/// hours of work and not after. Permission bits alone do not tell (root, read-only mounts), so one is created
/// and removed.
void require_writable(const std::filesystem::path& path);

/// Rank-local. Forces a closed file to disk, gives it its final name and forces that to disk too: after this,
/// a crash leaves the whole file; before, none under that name. ResourceError if the system refuses.
void commit_file(const std::filesystem::path& partial, const std::filesystem::path& path);

/// Rank-local. A file being built under partial_path(path). It takes its name in commit(); without that the
/// destructor removes it, so that no half-file stays where an exception passes.
class PartialFile {
  public:
    explicit PartialFile(std::filesystem::path path)
        : final_(std::move(path)), partial_(partial_path(final_)) {}
    ~PartialFile();
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    /// Where to write.
    const std::filesystem::path& path() const { return partial_; }
    /// As commit_file. The file must be closed.
    void commit();

  private:
    std::filesystem::path final_, partial_;
    bool committed_ = false;
};

/// Rank-local. Writes `text` as the whole file: all of it is there under that name, or what was there before.
/// ResourceError if the system refuses.
void write_whole_file(const std::filesystem::path& path, std::string_view text);

}  // namespace lapatlas
