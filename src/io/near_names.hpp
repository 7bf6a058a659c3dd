#pragma once

#include <string>
#include <vector>

namespace lapatlas {

/// The end of an error about a name that does not exist: the nearest of those that do (edit distance, case
/// ignored), or the first few: "; did you mean 'cell_type'?" or "; there are: 'batch', 'donor'".
std::string suggest_names(const std::string& wanted, const std::vector<std::string>& existing);

}  // namespace lapatlas
