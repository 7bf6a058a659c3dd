#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lapatlas {

/// The files of an atlas that is written in shards: atlas.h5ad becomes atlas-00000-of-00008.h5ad, ... and the
/// index atlas.shards.json, which names them in order.
std::filesystem::path shard_path(const std::filesystem::path& atlas, std::int64_t shard, std::int64_t shards);
std::filesystem::path shard_index_path(const std::filesystem::path& atlas);

/// What `generate` leaves for `atlas`: the file itself, or the index of its shards.
std::filesystem::path written_atlas(const std::filesystem::path& atlas, std::int64_t shards);

/// Rank-local. Writes the index under its final name once it is whole. `cells` of each shard.
void write_shard_index(const std::filesystem::path& atlas, const std::vector<std::int64_t>& cells);

bool is_shard_index(const std::string& path);
/// Rank-local. The shards that an index names, by paths beside it. InputError where it is not an index.
std::vector<std::string> read_shard_index(const std::filesystem::path& index);

}  // namespace lapatlas
