#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/io/atlas_shard.hpp"
#include "src/io/prepared_file.hpp"

namespace lapatlas {

/// Collective. How predicted labels agree with those the file has, where it has the model's label column.
void say_agreement(const Communicator& comm, const AtlasShard& atlas, const PreparedSummary& summary,
                   const std::vector<std::int32_t>& predicted, Log& log);

/// Collective. Where cells have labels: how well their latents [cells of this rank, width] keep them apart
/// (SpaceFigures, of an even sample of 5,000), to the log and as JSON to `path`.
void judge_latents(const Communicator& comm, const AtlasShard& atlas, std::span<const float> latents,
                   std::int64_t width, std::uint64_t seed, const std::filesystem::path& path,
                   const std::map<std::string, std::string>& provenance, Log& log);

}  // namespace lapatlas
