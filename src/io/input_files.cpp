#include "src/io/input_files.hpp"

#include <algorithm>
#include <filesystem>

#include "src/config/text_list.hpp"
#include "src/io/atlas_files.hpp"

namespace lapatlas {

namespace {

bool exists(const std::string& path) {
    std::error_code error;
    return !path.empty() && std::filesystem::exists(path, error);
}

}  // namespace

std::vector<std::string> input_files(const std::string& path) {
    if (exists(path)) return is_shard_index(path) ? read_shard_index(path) : std::vector<std::string>{path};
    std::vector<std::string> files;
    for (const std::string& part : split_text(path, ','))
        if (!part.empty()) files.push_back(part);
    if (files.empty()) files.push_back(path);
    return files;
}

bool input_exists(const std::string& path) {
    const std::vector<std::string> files = input_files(path);
    return std::all_of(files.begin(), files.end(), exists);
}

std::string absolute_input(const std::string& path) {
    std::string joined;
    const auto absolute = [](const std::string& file) {
        return exists(file) ? std::filesystem::absolute(file).lexically_normal().string() : file;
    };
    if (exists(path)) return absolute(path);
    for (const std::string& file : input_files(path)) {
        if (!joined.empty()) joined += ',';
        joined += absolute(file);
    }
    return joined;
}

}  // namespace lapatlas
