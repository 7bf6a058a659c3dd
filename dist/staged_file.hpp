#pragma once

#include <filesystem>

#include "dist/communicator.hpp"

namespace lapatlas {

/// A copy of a shared file on each machine's own disk, for files that are read again and again. Removed with
/// this object; a process that is killed leaves it to whoever clears the scratch folder (SLURM does for a
/// job's own).
class StagedFile {
  public:
    /// Collective. One rank a machine copies `path` into the folder `scratch`; empty: no copy, the file
    /// itself. InputError where there is no such folder on one of the machines, ResourceError where the copy
    /// fails.
    StagedFile(const Communicator& comm, const std::filesystem::path& path,
               const std::filesystem::path& scratch);
    ~StagedFile();
    StagedFile(const StagedFile&) = delete;
    StagedFile& operator=(const StagedFile&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    bool made_ = false;  // by this rank
};

}  // namespace lapatlas
