#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lapatlas {

/// Pairs (gene of left, gene of right), by the gene of left.
using GeneMatches = std::vector<std::pair<std::int32_t, std::int32_t>>;

/// Genes of two atlases that are the same: by name, or by id (Ensembl) where both have ids and more match so.
GeneMatches match_genes(const std::vector<std::string>& left_names, const std::vector<std::string>& left_ids,
                        const std::vector<std::string>& right_names,
                        const std::vector<std::string>& right_ids);

}  // namespace lapatlas
