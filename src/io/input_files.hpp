#pragma once

#include <string>
#include <vector>

namespace lapatlas {

/// The files (or 10x folders) that input.path names: one, or several separated by commas. A path that exists
/// as it is written is one file, commas or not; an index of shards (.shards.json) stands for its files. Not
/// empty.
std::vector<std::string> input_files(const std::string& path);

/// Whether all of them are there.
bool input_exists(const std::string& path);

/// The same files by paths that hold in any folder; those that do not exist stay as they are written.
std::string absolute_input(const std::string& path);

}  // namespace lapatlas
