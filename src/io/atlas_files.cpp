#include "src/io/atlas_files.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {
constexpr const char* kIndexEnding = ".shards.json";
constexpr const char* kFormat = "lapatlas-shards";
}  // namespace

std::filesystem::path shard_path(const std::filesystem::path& atlas, std::int64_t shard,
                                 std::int64_t shards) {
    char text[40];
    std::snprintf(text, sizeof text, "-%05lld-of-%05lld", static_cast<long long>(shard),
                  static_cast<long long>(shards));
    return atlas.parent_path() / (atlas.stem().string() + text + ".h5ad");
}

std::filesystem::path shard_index_path(const std::filesystem::path& atlas) {
    return atlas.parent_path() / (atlas.stem().string() + kIndexEnding);
}

std::filesystem::path written_atlas(const std::filesystem::path& atlas, std::int64_t shards) {
    return shards > 0 ? shard_index_path(atlas) : atlas;
}

void write_shard_index(const std::filesystem::path& atlas, const std::vector<std::int64_t>& cells) {
    nlohmann::json index{{"format", kFormat}, {"version", 1}, {"shards", nlohmann::json::array()}};
    const auto shards = static_cast<std::int64_t>(cells.size());
    for (std::int64_t s = 0; s < shards; ++s)
        index["shards"].push_back({{"file", shard_path(atlas, s, shards).filename().string()},
                                   {"cells", cells[static_cast<std::size_t>(s)]}});
    write_whole_file(shard_index_path(atlas), index.dump(1) + "\n");
}

bool is_shard_index(const std::string& path) { return path.ends_with(kIndexEnding); }

std::vector<std::string> read_shard_index(const std::filesystem::path& index) {
    std::ifstream file(index);
    if (!file) throw InputError(index.string() + ": cannot be read");
    try {
        const nlohmann::json json = nlohmann::json::parse(file);
        if (json.at("format") != kFormat) throw InputError(index.string() + ": not an index of shards");
        std::vector<std::string> files;
        for (const auto& shard : json.at("shards")) {
            const std::filesystem::path name = shard.at("file").get<std::string>();
            // An index from elsewhere does not lead out of its folder.
            if (name.empty() || name != name.filename() || name == "." || name == "..")
                throw InputError(
                    index.string() + ": '" + name.string() +
                    "' is not the name of a file beside it; shards lie in the folder of their index");
            files.push_back((index.parent_path() / name).string());
        }
        if (files.empty()) throw InputError(index.string() + ": names no shard");
        return files;
    } catch (const nlohmann::json::exception& error) {
        throw InputError(index.string() + ": not an index of shards (" + error.what() + ")");
    }
}

}  // namespace lapatlas
