#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "src/io/part_folder.hpp"

namespace lapatlas {

/// Sampled latents of a query that is under way: parts of consecutive cells, numbered by their first. A rank
/// finds those of its cells whichever rank sampled them.
class SampleStore {
  public:
    /// Collective. `values_a_cell`: repeats times width.
    SampleStore(const Communicator& comm, const std::filesystem::path& output, std::string made_by,
                std::int64_t values_a_cell)
        : folder_(comm, output, "lapatlas-samples-1", std::move(made_by)), values_a_cell_(values_a_cell) {}

    /// Rank-local. Cells from first_cell on. ResourceError if they cannot be written.
    void write(std::int64_t first_cell, const std::vector<float>& values) const;
    /// Rank-local. Puts what is kept of the cells from first_cell on into `values`; which cells those are.
    std::vector<bool> read(std::int64_t first_cell, std::span<float> values) const;
    /// Collective.
    void remove() const { folder_.remove(); }

  private:
    PartFolder folder_;
    std::int64_t values_a_cell_;
};

}  // namespace lapatlas
