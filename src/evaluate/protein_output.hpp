#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "src/evaluate/evaluation.hpp"

namespace lapatlas {

/// Rank-local. ProteinFigures of generated beside test cells, and of training beside test cells as their
/// floor, as JSON (docs/file-formats.md).
void write_protein_figures(const std::filesystem::path& path, const EvaluationInput& input,
                           const std::vector<std::pair<std::string, std::string>>& provenance);

}  // namespace lapatlas
