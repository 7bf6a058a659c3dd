#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "src/config/options.hpp"

namespace lapatlas {

/// Reads a TOML file over the defaults. An unknown section or key, a value of the wrong type or out of its
/// choices is a ConfigError that names file, key and the nearest existing one.
Config read_config(const std::filesystem::path& path);
/// The same from text; `name` stands for the file in errors.
Config parse_config(const std::string& text, const std::string& name);

/// Sets `section.key` from its text, as given on the command line.
void set_option(Config& config, const std::string& name, const std::string& value);

/// A complete, valid TOML file: every section, every key with its comment.
std::string dump_config(const Config& config);

/// Every "section.key" with its value as text, in order: for provenance and comparison.
std::vector<std::pair<std::string, std::string>> list_options(const Config& config);

/// Throws ConfigError where a value is out of its range or two values contradict each other.
void check_config(const Config& config);

}  // namespace lapatlas
