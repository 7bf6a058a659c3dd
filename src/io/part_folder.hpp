#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"

namespace lapatlas {

/// Parts of an output that is under way, OUTPUT.parts/part-NUMBER.h5, each there whole or not at all,
/// whichever rank made it. What is killed goes on from them.
class PartFolder {
  public:
    /// Collective. Parts that others made (another `made_by`, or another format) are removed.
    PartFolder(const Communicator& comm, const std::filesystem::path& output, std::string format,
               std::string made_by);

    /// Rank-local.
    bool has(std::int64_t part) const;
    /// Rank-local. Numbers of all parts that are there, ascending.
    std::vector<std::int64_t> parts() const;
    /// Rank-local. A part with what `fill` puts in. ResourceError if it cannot be written.
    void write(std::int64_t part, const std::function<void(Hdf5File& file)>& fill) const;
    /// Rank-local.
    Hdf5File open(std::int64_t part) const;
    /// Collective. All parts and their folder.
    void remove() const;

  private:
    std::filesystem::path path_of(std::int64_t part) const;

    Communicator comm_;
    std::filesystem::path folder_;
    std::string format_, made_by_;
};

}  // namespace lapatlas
