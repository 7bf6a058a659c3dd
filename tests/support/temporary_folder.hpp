#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "dist/collectives.hpp"

namespace lapatlas::testing_support {

/// A fresh folder that all ranks of `comm` share; removed by rank 0 at the end.
class TemporaryFolder {
  public:
    /// Collective.
    explicit TemporaryFolder(const Communicator& comm) : comm_(comm) {
        std::string name;
        if (comm.is_root()) {
            std::string pattern = (std::filesystem::temp_directory_path() / "lapatlas-test-XXXXXX").string();
            name = mkdtemp(pattern.data());
        }
        broadcast(comm, name);
        path_ = name;
    }
    ~TemporaryFolder() {
        MPI_Barrier(comm_.handle());
        std::error_code ignored;
        if (comm_.is_root()) std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    Communicator comm_;
    std::filesystem::path path_;
};

}  // namespace lapatlas::testing_support
