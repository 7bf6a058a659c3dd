#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/preprocess/split.hpp"

namespace lapatlas {

/// Collective. Writes the part of every cell as CSV with the header "cell,split": a line a cell in the order
/// of the input, split one of train, validation, test, or dropped where the cell filter removed it. All three
/// arguments are of this rank's rows.
void write_split_file(const Communicator& comm, const std::filesystem::path& path,
                      const std::vector<std::string>& cell_names, std::span<const Split> splits,
                      std::span<const std::uint8_t> kept);

}  // namespace lapatlas
