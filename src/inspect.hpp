#pragma once

#include <filesystem>
#include <string>

namespace lapatlas {

/// Rank-local. What a prepared dataset, a checkpoint or a run's folder holds, as text for a terminal: cells,
/// genes, density, degree distribution, components, recall, cut, and for `num_parts` ranks balance and ghosts
/// a part.
std::string inspect(const std::filesystem::path& path, int num_parts);

}  // namespace lapatlas
