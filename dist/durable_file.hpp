#pragma once

#include <filesystem>

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

}  // namespace lapatlas
