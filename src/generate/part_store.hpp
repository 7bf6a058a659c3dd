#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/generate/generator.hpp"
#include "src/io/part_folder.hpp"

namespace lapatlas {

/// The cells of a generation that is under way: parts of consecutive blocks.
class PartStore {
  public:
    /// Collective. Parts that others made (another `made_by`) are removed.
    PartStore(const Communicator& comm, const std::filesystem::path& output, std::string made_by);

    /// Collective. Of parts 0 .. num_parts - 1 those that are not there or not readable, ascending.
    std::vector<std::int64_t> missing(std::int64_t num_parts) const;
    /// Rank-local. ResourceError if it cannot be written.
    void write(std::int64_t part, const GeneratedBlock& cells) const;
    /// Rank-local.
    GeneratedBlock read(std::int64_t part) const;
    /// Collective. All parts and their folder.
    void remove() const { folder_.remove(); }

  private:
    Communicator comm_;
    PartFolder folder_;
};

/// Puts the cells of `more`, which follow, behind those of `cells`; into a block without cells anything may
/// go.
void append_cells(GeneratedBlock& cells, const GeneratedBlock& more);
/// Those with 1 in `stays` [cells].
GeneratedBlock chosen_cells(const GeneratedBlock& cells, std::span<const std::uint8_t> stays);

}  // namespace lapatlas
